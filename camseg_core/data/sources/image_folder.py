"""A folder of frames, with or without a folder of label images."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import DatasetError
from camseg_core.labels import UNLABELLED, LabelSet

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


class ImageFolder:
    """PNG and JPEG files of one folder as a stream, in the order of their names.

    The label of ``NAME.jpg`` is ``NAME.png`` in the label folder: one byte a pixel, the class id. The rule for ids, which
    CamVid's layout follows: 0 … n−1 are the n classes; n (CamVid: 11) and 255 are void and become 255; any other id is an
    error, because then the folder belongs to another label set.

    Args:
        images: folder of frames.
        labels: folder of label images, or None where there is no truth.
        rate_hz: frames are stamped 0, 1/rate, 2/rate … seconds.
        label_set: the classes the label ids mean.

    Raises:
        DatasetError: a folder is missing, holds no frames, or lacks a label. Iterating raises it for a file that cannot
            be decoded, a label of another size than its frame, or an id that is no class.
    """

    def __init__(self, images: Path, labels: Path | None, rate_hz: float, label_set: LabelSet) -> None:
        self._images = _image_files(images)
        self._labels = None if labels is None else _label_files(labels, self._images)
        self._period_ns = 1e9 / rate_hz
        self._label_set = label_set

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, path in enumerate(self._images):
            image = read_image(path)
            labels = None
            if self._labels is not None:
                labels = read_labels(self._labels[index], self._label_set)
                if labels.shape != image.shape[:2]:
                    raise DatasetError(
                        f"label {self._labels[index]} is {_size(labels)} pixels; expected {_size(image)} like {path}"
                    )
            yield SourceFrame(image=image, stamp_ns=round(index * self._period_ns), labels=labels, weather=None)


def read_image(path: Path) -> np.ndarray:
    """The frame in ``path``, (height, width, 3) uint8 RGB; raises DatasetError where it cannot be decoded."""
    image = _decode(path, cv2.IMREAD_COLOR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_labels(path: Path, label_set: LabelSet) -> np.ndarray:
    """The label image in ``path``, (height, width) uint8: class ids, 255 where void.

    Raises:
        DatasetError: it cannot be decoded, is not one byte a pixel, or holds an id that is neither class nor void.
    """
    labels = _decode(path, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise DatasetError(
            f"label {path} has shape {labels.shape} of {labels.dtype}; expected one byte a pixel, the class id"
        )
    void = len(label_set)
    unknown = np.unique(labels[(labels > void) & (labels != UNLABELLED)])
    if unknown.size:
        raise DatasetError(
            f"label {path} holds id {unknown[0]}; expected 0 to {void - 1} ({label_set.name}), "
            f"or {void} or {UNLABELLED} for void"
        )
    return np.where(labels == void, np.uint8(UNLABELLED), labels)


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"image folder {folder} does not exist or is not a folder")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise DatasetError(f"image folder {folder} holds no frames; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    return files


def _label_files(folder: Path, images: list[Path]) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(f"label folder {folder} does not exist or is not a folder")
    files = [folder / f"{image.stem}.png" for image in images]
    missing = [index for index, path in enumerate(files) if not path.is_file()]
    if missing:
        raise DatasetError(
            f"label {files[missing[0]]} of frame {images[missing[0]]} is missing ({len(missing)} of {len(files)} are); "
            "expected one for each frame"
        )
    return files


def _decode(path: Path, flags: int) -> np.ndarray:
    # imread would return None for an unreadable file and for an undecodable one alike.
    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DatasetError(f"image {path} cannot be read: {error.strerror}") from error
    image = cv2.imdecode(data, flags) if data.size else None
    if image is None:
        raise DatasetError(f"image {path} cannot be decoded; expected a whole PNG or JPEG file")
    return image


def _size(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"{width}×{height}"
