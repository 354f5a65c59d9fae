"""Compressed camera images (JPEG, PNG) to RGB."""

import sys

import cv2
import numpy as np

from camseg_core.errors import FrameError
from camseg_core.runtime.pixel_formats import ImageBytes, to_rgb

_BEGINNINGS = {"jpeg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
_ENDINGS = {"jpeg": b"\xff\xd9", "png": b"IEND\xae\x42\x60\x82"}

COMPRESSED_FORMATS: tuple[str, ...] = tuple(_BEGINNINGS)
"""Every format that :func:`compressed_to_rgb` reads."""


MAX_PIXELS = 2**25
"""An 8K image, 4320×7680, just fits. A few damaged bytes can claim a size that takes gigabytes to decode."""

_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Second byte of the markers that a frame header follows, ITU-T T.81 table B.1."""

_JPEG_BARE_MARKERS = frozenset((0x00, 0x01, *range(0xD0, 0xDA)))
"""Second byte of the markers that stand without a length, ibid."""


def compressed_to_rgb(image_format: str, data: ImageBytes) -> np.ndarray:
    """Decodes a ``sensor_msgs/CompressedImage``.

    Which decoder is right, the data says itself; the format is a check and serves the error. Colours that ROS'
    compressed_image_transport puts into a JPEG or PNG have OpenCV's order, whatever the raw encoding was. A Bayer image
    it puts there as it is, a mosaic in one channel, which the raw encoding tells from a grey image.

    Args:
        image_format: as in the message: ``jpeg``, ``png``, or with the raw encoding, ``bgr8; jpeg compressed bgr8``.
        data: the whole file.

    Returns:
        (height, width, 3) uint8 RGB, a new array. Grey is repeated; of 16 bits a channel the upper eight count.

    Raises:
        FrameError: the format is another, or the data is not a whole image of it; or the raw encoding is a Bayer
            pattern that is not known.
    """
    file = bytes(data)
    known = image_format.replace("jpg", "jpeg")
    kind = next((name for name, beginning in _BEGINNINGS.items() if file.startswith(beginning)), None)
    if "compressedDepth" in image_format or not any(name in known for name in COMPRESSED_FORMATS):
        raise FrameError(
            f"compressed image format {image_format!r} is not supported; "
            f"expected one of {', '.join(COMPRESSED_FORMATS)}"
        )
    if kind is None:
        raise FrameError(
            f"compressed image of format {image_format!r} begins with {file[:8]!r} ({len(file)} bytes); "
            f"expected {' or '.join(COMPRESSED_FORMATS)} data"
        )
    # Decoders fill what is missing of a cut image with grey and say nothing. Some cameras pad with zeros.
    if not file.rstrip(b"\0").endswith(_ENDINGS[kind]):
        raise FrameError(f"compressed image is cut short after {len(file)} bytes; expected the end of a {kind}")
    if kind == "png" and not _has_whole_chunks(file):
        raise FrameError(f"compressed image of {len(file)} bytes has a damaged chunk; expected a whole png")
    height, width = _claimed_size(kind, file)
    if height * width > MAX_PIXELS:
        raise FrameError(
            f"compressed image claims {height}x{width} pixels (height x width); expected {MAX_PIXELS} in all at most"
        )
    encoding = image_format.partition(";")[0].strip()
    if encoding.startswith("bayer_"):
        mosaic = _decode(kind, file, cv2.IMREAD_UNCHANGED)
        if mosaic.ndim == 2:
            # By the file's depth: who made a JPEG of 16 bits has left eight.
            encoding = f"{encoding.rstrip('0123456789')}{8 * mosaic.itemsize}"
            height, width = mosaic.shape
            return to_rgb(encoding, height, width, mosaic.strides[0], mosaic.data, sys.byteorder == "big")
    # A camera's image is used as it lies; its frame_id says how the camera is mounted.
    return cv2.cvtColor(_decode(kind, file, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION), cv2.COLOR_BGR2RGB)


def _decode(kind: str, file: bytes, flags: int) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(file, dtype=np.uint8), flags)
    except cv2.error as error:  # for example a header with a size beyond OpenCV's limit
        raise FrameError(f"compressed image of {len(file)} bytes cannot be decoded: {error}") from error
    if image is None:
        raise FrameError(f"compressed image of {len(file)} bytes cannot be decoded; expected a whole {kind}")
    return image


def _has_whole_chunks(file: bytes) -> bool:
    """Whether the chunks of a PNG follow each other; OpenCV looks for seconds for what a wrong length hides."""
    position = 8
    while position + 12 <= len(file):
        # Length 4, type 4, data, checksum 4.
        if file[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + int.from_bytes(file[position : position + 4], "big")
    return False


def _claimed_size(kind: str, file: bytes) -> tuple[int, int]:
    """(height, width) that the header of a file says; (0, 0) where it says none, which the decoder will find out."""
    if kind == "png":
        # Signature 8, length 4, "IHDR" 4, then width and height, big-endian.
        return int.from_bytes(file[20:24], "big"), int.from_bytes(file[16:20], "big")
    position = 2
    while position + 9 <= len(file):
        marker = file[position + 1]
        if file[position] != 0xFF or marker == 0xFF:
            position += 1  # a decoder looks for the next marker too
        elif marker in _JPEG_FRAME_MARKERS:
            # Marker 2, length 2, precision 1, then height and width, big-endian.
            sides = file[position + 5 : position + 9]
            return int.from_bytes(sides[:2], "big"), int.from_bytes(sides[2:], "big")
        elif marker in _JPEG_BARE_MARKERS:
            position += 2
        else:
            position += 2 + int.from_bytes(file[position + 2 : position + 4], "big")
    return 0, 0
