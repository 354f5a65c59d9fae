"""Cityscapes with its fine annotations, and its foggy versions (Cordts et al., 2016; Sakaridis et al., 2018)."""

from pathlib import Path

from camseg_core.data.datasets.label_map import LabelMap
from camseg_core.data.datasets.labelled_files import FileTree, LabelledFiles, check_split, pair_trees
from camseg_core.errors import DatasetError
from camseg_core.labels import CITYSCAPES, UNLABELLED

SPLITS = ("train", "val")
"""The labels of Cityscapes' test split are withheld: its label files mark borders only."""

FOG_LEVELS = ("0.005", "0.01", "0.02")
"""Attenuation coefficients β of Foggy Cityscapes, 1/m, as file names write them; visibility is about 3/β metres."""

CITYSCAPES_LABEL_IDS = LabelMap(
    CITYSCAPES,
    classes={
        stored: known
        for known, stored in enumerate((7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33))
    },
    # 0 to 6 unlabelled, borders, static, dynamic, ground; 9 parking, 10 rail track; 14–16 guard rail, bridge, tunnel;
    # 18 pole group; 29 caravan, 30 trailer; 255 is license plate, −1 in one byte.
    ignored=frozenset({*range(7), 9, 10, 14, 15, 16, 18, 29, 30, 255}),
)
"""Files ``…_labelIds.png`` of Cityscapes and of datasets annotated by its protocol."""

CITYSCAPES_TRAIN_IDS = LabelMap(CITYSCAPES, {known: known for known in range(19)}, frozenset({UNLABELLED}))
"""Label images that store the class ids of the ``cityscapes`` label set."""


class Cityscapes(LabelledFiles):
    """``leftImg8bit/SPLIT/CITY/X_leftImg8bit.png`` with ``gtFine/SPLIT/CITY/X_gtFine_labelIds.png``.

    Args:
        root: folder that holds ``leftImg8bit`` and ``gtFine``.
        split: ``train`` (2975 frames) or ``val`` (500).

    Raises:
        DatasetError: an unknown split, a folder that is missing or empty, or an image or label without the other.
    """

    def __init__(self, root: Path, split: str) -> None:
        check_split("cityscapes", split, SPLITS)
        images = FileTree(root / "leftImg8bit" / split, "_leftImg8bit.png")
        super().__init__(pair_trees(images, _fine_labels(root, split)), CITYSCAPES_LABEL_IDS)


class FoggyCityscapes(LabelledFiles):
    """``leftImg8bit_foggy/SPLIT/CITY/X_leftImg8bit_foggy_beta_B.png`` with Cityscapes' own labels.

    Args:
        root: folder that holds ``leftImg8bit_foggy`` and ``gtFine``.
        split: ``train`` (2975 frames) or ``val`` (500).
        beta: attenuation coefficient, one of ``FOG_LEVELS``.

    Raises:
        DatasetError: an unknown split or level, a folder that is missing or holds no image of that level, or an image
            or label without the other.
    """

    def __init__(self, root: Path, split: str, beta: str) -> None:
        check_split("foggy-cityscapes", split, SPLITS)
        if beta not in FOG_LEVELS:
            raise DatasetError(f"foggy-cityscapes has no fog of beta {beta!r}; expected one of {', '.join(FOG_LEVELS)}")
        images = FileTree(root / "leftImg8bit_foggy" / split, f"_leftImg8bit_foggy_beta_{beta}.png")
        super().__init__(pair_trees(images, _fine_labels(root, split)), CITYSCAPES_LABEL_IDS)


def _fine_labels(root: Path, split: str) -> FileTree:
    return FileTree(root / "gtFine" / split, "_gtFine_labelIds.png")
