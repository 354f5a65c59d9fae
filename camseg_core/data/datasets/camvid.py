"""CamVid in the 11-class, 480×360 layout that SegNet was published with."""

from pathlib import Path

import numpy as np

from camseg_core.data.datasets.labelled_image import LabelledImage
from camseg_core.data.images import list_images, read_labels, read_rgb
from camseg_core.errors import DatasetError
from camseg_core.labels import CAMVID, UNLABELLED

SPLITS = ("train", "val", "test")
VOID_ID = 11


class CamVid:
    """``root/SPLIT`` holds frames, ``root/SPLITannot`` class ids of the same names; void (11) becomes 255.

    Args:
        root: the dataset's folder.
        split: ``train``, ``val`` or ``test``.

    Raises:
        DatasetError: a folder or label is missing, a file cannot be decoded, an id is unknown or sizes differ.
    """

    label_set = CAMVID

    def __init__(self, root: Path, split: str) -> None:
        if split not in SPLITS:
            raise DatasetError(f"CamVid split {split!r} is unknown; expected one of {SPLITS}")
        self._images = list_images(root / split)
        self._labels = [root / f"{split}annot" / path.name for path in self._images]
        for image, labels in zip(self._images, self._labels, strict=True):
            if not labels.is_file():
                raise DatasetError(f"{image}: has no labels; expected {labels}")

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> LabelledImage:
        path = self._labels[index]
        image, labels = read_rgb(self._images[index]), read_labels(path)
        if labels.shape != image.shape[:2]:
            raise DatasetError(f"{path}: is {labels.shape} but its image is {image.shape[:2]}; expected the same size")
        if labels.max() > VOID_ID:
            raise DatasetError(f"{path}: holds class id {labels.max()}; expected 0 to {VOID_ID} (void)")
        return LabelledImage(image, np.where(labels == VOID_ID, UNLABELLED, labels).astype(np.uint8), path.stem)
