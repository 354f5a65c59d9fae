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
    """How one encoding lies in memory and which OpenCV conversion makes it RGB (None: it is RGB already).

    Attributes:
        channels: samples of a pixel in a row of data.
        conversion: OpenCV's code.
        bytes_per_channel: of one sample.
        min_size_px: smallest height and width.
        even: whether width, or both sides, must be even because pixels share samples: "", "width" or "both".
        chroma_rows: rows of data below the image's, as a share of its height.
    """

    channels: int
    conversion: int | None
    bytes_per_channel: int = 1
    min_size_px: int = 1
    even: str = ""
    chroma_rows: float = 0.0


def _bayer(conversion: int, bytes_per_channel: int) -> _PixelFormat:
    # Below 3×3 OpenCV's demosaicing has no inner pixel and returns black instead of an error.
    return _PixelFormat(1, conversion, bytes_per_channel, min_size_px=3)


_BAYER = {
    "rggb": cv2.COLOR_BayerRGGB2RGB,
    "bggr": cv2.COLOR_BayerBGGR2RGB,
    "gbrg": cv2.COLOR_BayerGBRG2RGB,
    "grbg": cv2.COLOR_BayerGRBG2RGB,
}
_UYVY = _PixelFormat(2, cv2.COLOR_YUV2RGB_UYVY, even="width")
_YUYV = _PixelFormat(2, cv2.COLOR_YUV2RGB_YUYV, even="width")

_FORMATS = {
    "rgb8": _PixelFormat(3, None),
    "bgr8": _PixelFormat(3, cv2.COLOR_BGR2RGB),
    "rgba8": _PixelFormat(4, cv2.COLOR_RGBA2RGB),
    "bgra8": _PixelFormat(4, cv2.COLOR_BGRA2RGB),
    "mono8": _PixelFormat(1, cv2.COLOR_GRAY2RGB),
    "mono16": _PixelFormat(1, cv2.COLOR_GRAY2RGB, bytes_per_channel=2),
    **{f"bayer_{pattern}8": _bayer(conversion, 1) for pattern, conversion in _BAYER.items()},
    **{f"bayer_{pattern}16": _bayer(conversion, 2) for pattern, conversion in _BAYER.items()},
    # ROS has two names for each of these two: an older and a newer one.
    "yuv422": _UYVY,
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,
    "yuyv": _YUYV,
    "nv12": _PixelFormat(1, cv2.COLOR_YUV2RGB_NV12, even="both", chroma_rows=0.5, min_size_px=2),
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
        data: exactly ``height * step`` bytes; half as many again for ``nv12``, whose chroma rows follow the image's.
        is_bigendian: byte order of encodings with more than one byte per channel.

    Returns:
        (height, width, 3) uint8 RGB. For ``rgb8`` without padding it is a view of ``data``, otherwise a new array.
        16-bit samples are scaled so that 65535 becomes 255. YUV is that of ITU-R BT.601 in its studio range.

    Raises:
        FrameError: the encoding is not known, or size, step and number of bytes contradict each other.
    """
    pixel_format = _format_of(encoding)
    rows = _rows(pixel_format, encoding, height, width, step, data)
    if pixel_format.bytes_per_channel == 2:
        rows = rows.view(">u2" if is_bigendian else "<u2").astype(np.uint16, copy=False)
    pixels = rows.reshape(rows.shape[0], width, pixel_format.channels)
    if pixel_format.conversion is None:
        return np.ascontiguousarray(pixels)
    rgb = cv2.cvtColor(pixels, pixel_format.conversion)
    return rgb if pixel_format.bytes_per_channel == 1 else cv2.convertScaleAbs(rgb, alpha=255.0 / 65535.0)


def check_image(encoding: str, height: int, width: int, step: int, data: ImageBytes) -> None:
    """Raises FrameError where ``to_rgb`` would."""
    _rows(_format_of(encoding), encoding, height, width, step, data)


def _format_of(encoding: str) -> _PixelFormat:
    try:
        return _FORMATS[encoding]
    except KeyError:
        raise FrameError(
            f"image encoding {encoding!r} is not supported; expected one of {', '.join(ENCODINGS)}"
        ) from None


def _rows(
    pixel_format: _PixelFormat, encoding: str, height: int, width: int, step: int, data: ImageBytes
) -> np.ndarray:
    """The rows' bytes without padding, (rows, bytes of a row) uint8, contiguous; checks all sizes."""
    smallest = pixel_format.min_size_px
    if height < smallest or width < smallest:
        raise FrameError(
            f"image size is {height}x{width} (height x width) for {encoding}; expected at least {smallest}x{smallest}"
        )
    if (pixel_format.even and width % 2) or (pixel_format.even == "both" and height % 2):
        sides = "an even width" if pixel_format.even == "width" else "even height and width"
        raise FrameError(f"image size is {height}x{width} (height x width) for {encoding}; expected {sides}")
    row_bytes = width * pixel_format.channels * pixel_format.bytes_per_channel
    if step < row_bytes:
        raise FrameError(
            f"image step is {step} bytes; expected at least {row_bytes} for {encoding}"
            f" at {height}x{width} (height x width)"
        )
    rows = height + round(height * pixel_format.chroma_rows)
    pixels = np.frombuffer(data, dtype=np.uint8)
    if pixels.size != rows * step:
        chroma = f" and {rows - height} chroma rows" if rows > height else ""
        raise FrameError(
            f"image data has {pixels.size} bytes; expected {rows * step}: height {height}{chroma} x step {step}"
            f" for {encoding} at width {width}"
        )
    return np.ascontiguousarray(pixels.reshape(rows, step)[:, :row_bytes])
