"""Light scattered into and out of the line of sight."""

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.srgb import linear_to_srgb, srgb_to_linear

RGB = tuple[int, int, int]

AIRLIGHT: RGB = (196, 200, 204)
"""sRGB colour that an endless path through fog or rain takes on by day, as cameras expose it."""

_DECODE = srgb_to_linear(np.arange(256) / 255).astype(np.float32)
_ENCODE = np.round(linear_to_srgb(np.arange(65536) / 65535) * 255).astype(np.uint8)


def check_frame(image: np.ndarray, depth_m: np.ndarray) -> None:
    """Raises FrameError unless image is (h, w, 3) uint8 and depth_m (h, w) floating, 0 or more, without NaN."""
    check_image(image)
    if depth_m.shape != image.shape[:2] or not np.issubdtype(depth_m.dtype, np.floating):
        raise FrameError(
            f"depth_m of shape {depth_m.shape} and type {depth_m.dtype}; expected {image.shape[:2]} and floating"
        )
    if depth_m.size and not depth_m.min() >= 0:
        raise FrameError(f"depth_m has a smallest value of {depth_m.min()}; expected 0 or more everywhere, and no NaN")


def check_image(image: np.ndarray) -> None:
    """Raises FrameError unless image is (h, w, 3) uint8."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise FrameError(f"image of shape {image.shape} and type {image.dtype}; expected (height, width, 3) uint8")


def check_airlight(airlight: RGB) -> None:
    """Raises ConfigurationError unless airlight is three numbers from 0 to 255."""
    if len(airlight) != 3 or not all(0 <= part <= 255 for part in airlight):
        raise ConfigurationError(f"airlight {airlight}; expected three sRGB values of 0 to 255")


def decode(image: np.ndarray) -> np.ndarray:
    """Linear light, float32 in 0 to 1, of sRGB values, uint8; same shape."""
    return _DECODE[image]


def encode(light: np.ndarray) -> np.ndarray:
    """Values in sRGB, uint8, of linear light, float32 in 0 to 1; same shape."""
    return _ENCODE[(light * np.float32(65535) + np.float32(0.5)).astype(np.uint16)]


def veil(light: np.ndarray, depth_m: np.ndarray, extinction_per_m: float, airlight: np.ndarray) -> np.ndarray:
    """Koschmieder's law: ``light * t + airlight * (1 - t)`` with ``t = exp(-extinction * depth)``.

    ``light`` is (h, w, 3) float32 linear and is changed, ``depth_m`` (h, w) the range along each ray (inf: airlight
    alone), ``airlight`` (3,) linear. Returns ``light``.
    """
    transmission = cv2.exp(depth_m.astype(np.float32) * np.float32(-extinction_per_m))[..., None]
    light -= airlight
    light *= transmission
    light += airlight
    return light
