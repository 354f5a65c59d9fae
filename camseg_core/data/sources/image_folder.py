"""A folder of frames, with or without a folder of label images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from camseg_core.data.images import list_images, read_labels, read_rgb
from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import DatasetError
from camseg_core.labels import UNLABELLED, LabelSet


class ImageFolder:
    """The images of one folder as a stream, in the order of their names.

    The label of ``NAME.jpg`` is ``NAME.png`` in the label folder: one byte a pixel, the class id. The rule for ids,
    which CamVid's layout follows: 0 … n−1 are the n classes; n (CamVid: 11) and 255 are void and become 255; any other
    id is an error, because then the folder belongs to another label set.

    Args:
        images: folder of frames.
        labels: folder of label images, or None where there is no truth.
        rate_hz: frames are stamped 0, 1/rate, 2/rate … seconds.
        label_set: the classes the label ids mean.

    Raises:
        DatasetError: a folder is missing, holds no frames, or lacks a label. Iterating raises it for a file that cannot
            be decoded, a label of another size than its frame, or an id that is neither class nor void.
    """

    def __init__(self, images: Path, labels: Path | None, rate_hz: float, label_set: LabelSet) -> None:
        self._images = list_images(images)
        self._labels = None if labels is None else _find_labels(labels, self._images)
        self._period_ns = 1e9 / rate_hz
        self._label_set = label_set

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, path in enumerate(self._images):
            image = read_rgb(path)
            labels = None if self._labels is None else self._read_labels(self._labels[index], image, path)
            yield SourceFrame(image=image, stamp_ns=round(index * self._period_ns), labels=labels)

    def _read_labels(self, path: Path, image: np.ndarray, image_path: Path) -> np.ndarray:
        labels = _class_ids(path, self._label_set)
        if labels.shape != image.shape[:2]:
            raise DatasetError(f"{path}: is {_size(labels)} pixels; expected {_size(image)} as {image_path}")
        return labels


def _find_labels(folder: Path, images: list[Path]) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; expected a folder of label images")
    files = [folder / f"{image.stem}.png" for image in images]
    missing = [index for index, path in enumerate(files) if not path.is_file()]
    if missing:
        image, expected = images[missing[0]], files[missing[0]]
        raise DatasetError(
            f"{image}: has no labels ({len(missing)} of {len(files)} frames have none); expected {expected}"
        )
    return files


def _class_ids(path: Path, label_set: LabelSet) -> np.ndarray:
    """The label image in ``path``, (height, width) uint8, with every void pixel 255."""
    ids = read_labels(path)
    void = len(label_set)
    unknown = ids[(ids > void) & (ids != UNLABELLED)]
    if unknown.size:
        raise DatasetError(
            f"{path}: holds class id {unknown.min()}; expected 0 to {void - 1} ({label_set.name}), "
            f"or {void} or {UNLABELLED} for void"
        )
    return np.where(ids == void, np.uint8(UNLABELLED), ids)


def _size(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"{width}×{height}"
