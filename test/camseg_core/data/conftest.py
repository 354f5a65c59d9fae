"""Writers of tiny dataset trees."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 4, 6


@pytest.fixture
def write_image() -> Callable[..., Path]:
    """Writes a camera image of one RGB colour, 6×4 pixels unless told otherwise."""

    def write(path: Path, rgb: tuple[int, int, int] = (10, 20, 30), size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
        return _write(path, np.full((*size, 3), rgb[::-1], dtype=np.uint8))

    return write


@pytest.fixture
def write_ids() -> Callable[..., Path]:
    """Writes a label image of one byte a pixel whose pixels run through the given ids, again and again."""

    def write(path: Path, *ids: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
        return _write(path, np.resize(np.array(ids, dtype=np.uint8), size))

    return write


@pytest.fixture
def write_panoptic() -> Callable[..., Path]:
    """Writes a label image of three channels whose red runs through the given ids; green and blue number instances."""

    def write(path: Path, *ids: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
        red = np.resize(np.array(ids, dtype=np.uint8), size)
        return _write(path, np.dstack([np.full(size, 7, np.uint8), np.full(size, 1, np.uint8), red]))

    return write


def _write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path
