"""The 10 000 frames of BDD100K that are labelled for semantic segmentation (Yu et al., 2020)."""

from pathlib import Path

from camseg_core.data.datasets.cityscapes import CITYSCAPES_TRAIN_IDS
from camseg_core.data.datasets.labelled_files import FileTree, LabelledFiles, check_split, pair_trees

SPLITS = ("train", "val")
"""The labels of BDD100K's test split are withheld."""


class Bdd100k(LabelledFiles):
    """``images/10k/SPLIT/X.jpg`` with ``labels/sem_seg/masks/SPLIT/X.png``, which stores Cityscapes' train ids.

    Args:
        root: folder that holds ``images`` and ``labels``.
        split: ``train`` (7000 frames) or ``val`` (1000).

    Raises:
        DatasetError: an unknown split, a folder that is missing or empty, or an image or label without the other.
    """

    def __init__(self, root: Path, split: str) -> None:
        check_split("bdd100k", split, SPLITS)
        images = FileTree(root / "images" / "10k" / split, ".jpg", levels=0)
        labels = FileTree(root / "labels" / "sem_seg" / "masks" / split, ".png", levels=0)
        super().__init__(pair_trees(images, labels), CITYSCAPES_TRAIN_IDS)
