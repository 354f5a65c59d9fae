"""Reading image files, with errors that name the path."""

from pathlib import Path

import cv2
import numpy as np

from camseg_core.errors import DatasetError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


def list_images(folder: Path) -> list[Path]:
    """Image files directly in ``folder``, sorted by name; raises DatasetError if there is none."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; expected a folder of images")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise DatasetError(f"{folder}: holds no image; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    return paths


def read_rgb(path: Path) -> np.ndarray:
    """The image in ``path`` as (H, W, 3) uint8 RGB; raises DatasetError if it cannot be decoded.

    It is read as it lies, whatever orientation its metadata name: so do cameras' messages, and so lie its labels.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.COLOR_BGR2RGB)


def read_labels(path: Path) -> np.ndarray:
    """The class ids in ``path`` as (H, W) uint8, one channel; raises DatasetError otherwise."""
    labels = _decode(path, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise DatasetError(f"{path}: is {labels.shape} {labels.dtype}; expected one channel of 8-bit class ids")
    return labels


def read_label_channels(path: Path) -> np.ndarray:
    """The three label channels in ``path`` as (H, W, 3) uint8, red first; raises DatasetError otherwise."""
    labels = _decode(path, cv2.IMREAD_UNCHANGED)
    if labels.ndim != 3 or labels.shape[2] != 3 or labels.dtype != np.uint8:
        raise DatasetError(f"{path}: is {labels.shape} {labels.dtype}; expected three channels of 8-bit numbers")
    return cv2.cvtColor(labels, cv2.COLOR_BGR2RGB)


def _decode(path: Path, flags: int) -> np.ndarray:
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; expected an image")
    try:
        image = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags) if path.stat().st_size else None
    except cv2.error as error:  # for example a header with a size beyond OpenCV's limit
        raise DatasetError(f"{path}: cannot be decoded ({error.err}); expected an image") from error
    if image is None:
        raise DatasetError(f"{path}: cannot be decoded ({path.stat().st_size} bytes); expected an image")
    return image
