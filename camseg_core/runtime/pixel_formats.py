"""Camera pixel formats to RGB, with every byte count checked before a pixel is read.

Names follow ROS' ``sensor_msgs/image_encodings``, which are also what most camera drivers say.
"""

from array import array
from dataclasses import dataclass

import cv2
import numpy as np

from camseg_core.errors import FrameError


@dataclass(frozen=True)
class _PixelFormat:
    """How one encoding lies in memory and which OpenCV conversion makes it RGB (None: it is RGB already)."""

    channels: int
    conversion: int | None
    bytes_per_channel: int = 1
    min_size_px: int = 1


_BAYER_MIN_SIZE_PX = 3
"""Below this OpenCV's demosaicing has no inner pixel and returns black instead of an error."""

_FORMATS = {
    "rgb8": _PixelFormat(3, None),
    "bgr8": _PixelFormat(3, cv2.COLOR_BGR2RGB),
    "rgba8": _PixelFormat(4, cv2.COLOR_RGBA2RGB),
    "bgra8": _PixelFormat(4, cv2.COLOR_BGRA2RGB),
    "mono8": _PixelFormat(1, cv2.COLOR_GRAY2RGB),
    "mono16": _PixelFormat(1, cv2.COLOR_GRAY2RGB, bytes_per_channel=2),
    "bayer_rggb8": _PixelFormat(1, cv2.COLOR_BayerRGGB2RGB, min_size_px=_BAYER_MIN_SIZE_PX),
    "bayer_bggr8": _PixelFormat(1, cv2.COLOR_BayerBGGR2RGB, min_size_px=_BAYER_MIN_SIZE_PX),
    "bayer_gbrg8": _PixelFormat(1, cv2.COLOR_BayerGBRG2RGB, min_size_px=_BAYER_MIN_SIZE_PX),
    "bayer_grbg8": _PixelFormat(1, cv2.COLOR_BayerGRBG2RGB, min_size_px=_BAYER_MIN_SIZE_PX),
}

ImageBytes = bytes | bytearray | memoryview | array
"""What image data may come in; rclpy hands over ``array('B')``."""

ENCODINGS: tuple[str, ...] = tuple(_FORMATS)
"""Every encoding that :func:`to_rgb` reads."""


def to_rgb(
    encoding: str, height: int, width: int, step: int, data: ImageBytes, is_bigendian: bool = False
) -> np.ndarray:
    """Reads the pixels of a camera image as RGB.

    Args:
        encoding: one of ``ENCODINGS``.
        height: rows of pixels, 1 or more.
        width: pixels of a row, 1 or more.
        step: bytes from the start of one row to the start of the next; more than the row's where rows are padded.
        data: exactly ``height * step`` bytes.
        is_bigendian: byte order of encodings with more than one byte per channel.

    Returns:
        (height, width, 3) uint8 RGB. For ``rgb8`` without padding it is a view of ``data``, otherwise a new array.
        16-bit grey is scaled so that 65535 becomes 255.

    Raises:
        FrameError: the encoding is not known, or size, step and number of bytes contradict each other.
    """
    try:
        pixel_format = _FORMATS[encoding]
    except KeyError:
        raise FrameError(
            f"image encoding {encoding!r} is not supported; expected one of {', '.join(ENCODINGS)}"
        ) from None
    rows = _rows(pixel_format, encoding, height, width, step, data)
    if pixel_format.bytes_per_channel == 2:
        samples = rows.view(">u2" if is_bigendian else "<u2").astype(np.uint16, copy=False)
        rows = cv2.convertScaleAbs(samples, alpha=255.0 / 65535.0)
    pixels = rows.reshape(height, width, pixel_format.channels)
    if pixel_format.conversion is None:
        return np.ascontiguousarray(pixels)
    return cv2.cvtColor(pixels, pixel_format.conversion)


def _rows(
    pixel_format: _PixelFormat, encoding: str, height: int, width: int, step: int, data: ImageBytes
) -> np.ndarray:
    """The rows' bytes without padding, (height, bytes of a row) uint8, contiguous; checks all sizes."""
    smallest = pixel_format.min_size_px
    if height < smallest or width < smallest:
        raise FrameError(
            f"image size is {height}x{width} (height x width) for {encoding}; expected at least {smallest}x{smallest}"
        )
    row_bytes = width * pixel_format.channels * pixel_format.bytes_per_channel
    if step < row_bytes:
        raise FrameError(
            f"image step is {step} bytes; expected at least {row_bytes} for {encoding}"
            f" at {height}x{width} (height x width)"
        )
    pixels = np.frombuffer(data, dtype=np.uint8)
    if pixels.size != height * step:
        raise FrameError(
            f"image data has {pixels.size} bytes; expected {height * step}: height {height} x step {step}"
            f" for {encoding} at width {width}"
        )
    return np.ascontiguousarray(pixels.reshape(height, step)[:, :row_bytes])
