"""ACDC: fog, night, rain and snow, each frame with one of the same place in clear weather (Sakaridis et al., 2021)."""

from pathlib import Path

from camseg_core.data.datasets.cityscapes import CITYSCAPES_LABEL_IDS
from camseg_core.data.datasets.labelled_files import FileTree, LabelledFiles, check_split, pair_trees
from camseg_core.errors import DatasetError

SPLITS = ("train", "val")
"""The labels of ACDC's test split are withheld."""

CONDITIONS = ("fog", "night", "rain", "snow")


class Acdc(LabelledFiles):
    """``rgb_anon/CONDITION/SPLIT/SEQUENCE/X_rgb_anon.png`` with ``gt/CONDITION/SPLIT/SEQUENCE/X_gt_labelIds.png``.

    Frames of bad weather only. ACDC's frames of clear weather are another dataset, ``AcdcReference``: counted together
    they flatter a model.

    Args:
        root: folder that holds ``rgb_anon`` and ``gt``.
        split: ``train`` or ``val``.
        condition: one of ``CONDITIONS``.

    Raises:
        DatasetError: an unknown split or condition, a folder that is missing or empty, or an image or label without
            the other.
    """

    def __init__(self, root: Path, split: str, condition: str) -> None:
        _check(split, condition)
        images = FileTree(root / "rgb_anon" / condition / split, "_rgb_anon.png")
        labels = FileTree(root / "gt" / condition / split, "_gt_labelIds.png")
        super().__init__(pair_trees(images, labels), CITYSCAPES_LABEL_IDS)


class AcdcReference(LabelledFiles):
    """The clear counterparts: ``SPLIT_ref`` for ``SPLIT``, ``X_rgb_ref_anon.png`` with ``X_gt_ref_labelIds.png``.

    A frame and its counterpart have the same name. Of the counterparts, 1503 of 4006 are labelled; the others are left
    out.

    Args:
        root: folder that holds ``rgb_anon`` and ``gt``.
        split: ``train`` or ``val``.
        condition: the weather of the counterparts, one of ``CONDITIONS``.

    Raises:
        DatasetError: an unknown split or condition, a folder that is missing or empty, or a label without its image.
    """

    def __init__(self, root: Path, split: str, condition: str) -> None:
        _check(split, condition)
        images = FileTree(root / "rgb_anon" / condition / f"{split}_ref", "_rgb_ref_anon.png")
        labels = FileTree(root / "gt" / condition / f"{split}_ref", "_gt_ref_labelIds.png")
        super().__init__(pair_trees(images, labels, all_labelled=False), CITYSCAPES_LABEL_IDS)


def _check(split: str, condition: str) -> None:
    check_split("acdc", split, SPLITS)
    if condition not in CONDITIONS:
        raise DatasetError(f"acdc has no condition {condition!r}; expected one of {', '.join(CONDITIONS)}")
