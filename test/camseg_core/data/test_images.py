"""Image files are read as they lie, or named."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from camseg_core.data.images import read_labels, read_rgb
from camseg_core.errors import DatasetError

TURNED_BY_180_DEGREES = 3
"""A value of EXIF's orientation."""


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment of one entry, the orientation (Exif 2.32, tag 0x0112), behind its first marker."""
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_an_orientation_turns_nothing_since_labels_have_none(tmp_path):
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:16] = 255
    _, jpeg = cv2.imencode(".jpg", picture)
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_orientation(jpeg.tobytes(), TURNED_BY_180_DEGREES))
    assert cv2.imread(str(path))[:8].max() < 64  # OpenCV by itself turns it
    read = read_rgb(path)
    assert read[:8].min() > 192
    assert read[-8:].max() < 64


@pytest.mark.parametrize("read", [read_rgb, read_labels])
def test_a_size_beyond_all_bounds_is_an_error_with_the_path(tmp_path, read):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 65536, 65536, 8, 2, 0, 0, 0))
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b""))
    with pytest.raises(DatasetError, match=r"huge\.png: cannot be decoded"):
        read(path)
