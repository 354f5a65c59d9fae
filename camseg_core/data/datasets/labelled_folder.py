"""A folder of images with a folder of label images."""

from pathlib import Path

from camseg_core.data.datasets.label_map import LabelMap
from camseg_core.data.datasets.labelled_files import FilePair, LabelledFiles
from camseg_core.data.images import list_images
from camseg_core.errors import DatasetError


class LabelledFolder(LabelledFiles):
    """The images of one folder in the order of their names; the label of ``NAME.jpg`` is ``NAME.png`` in the other.

    Labels without an image are left alone: the images may be a choice of frames.

    Args:
        images: folder of images.
        labels: folder of label images, one byte a pixel.
        label_map: what the stored ids mean; see ``folder_label_map``.

    Raises:
        DatasetError: a folder is missing, holds no image, or lacks a label.
    """

    def __init__(self, images: Path, labels: Path, label_map: LabelMap) -> None:
        paths = list_images(images)
        if not labels.is_dir():
            raise DatasetError(f"{labels}: no such folder; expected a folder of label images")
        pairs = [FilePair(path, labels / f"{path.stem}.png", path.stem) for path in paths]
        missing = [pair for pair in pairs if not pair.labels.is_file()]
        if missing:
            raise DatasetError(
                f"{missing[0].image}: has no labels ({len(missing)} of {len(pairs)} images have none); "
                f"expected {missing[0].labels}"
            )
        super().__init__(pairs, label_map)
