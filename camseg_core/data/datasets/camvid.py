"""CamVid in the 11-class, 480×360 layout that SegNet was published with."""

from pathlib import Path

from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.data.datasets.labelled_files import FileTree, LabelledFiles, check_split, pair_trees
from camseg_core.labels import CAMVID

SPLITS = ("train", "val", "test")


class CamVid(LabelledFiles):
    """``SPLIT/X.png`` with ``SPLITannot/X.png``, which stores class ids; 11 is void.

    Args:
        root: the dataset's folder.
        split: ``train`` (367 frames), ``val`` (101) or ``test`` (233).

    Raises:
        DatasetError: an unknown split, a folder that is missing or empty, or an image or label without the other.
    """

    def __init__(self, root: Path, split: str) -> None:
        check_split("camvid", split, SPLITS)
        images = FileTree(root / split, ".png", levels=0)
        labels = FileTree(root / f"{split}annot", ".png", levels=0)
        super().__init__(pair_trees(images, labels), folder_label_map(CAMVID))
