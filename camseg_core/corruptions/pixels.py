"""What all corruptions do with pixels: check them, and take them to full scale 1 and back."""

import math

import numpy as np

from camseg_core.errors import ConfigurationError, FrameError


def check_image(image: np.ndarray) -> None:
    """Raises FrameError unless the image is (H, W, 3) uint8 with pixels in it."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise FrameError(f"image is {image.shape} {image.dtype}; expected (height, width, 3) uint8 RGB, 1×1 or larger")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raises ConfigurationError unless ``value`` is finite and from ``low`` to ``high``."""
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigurationError(f"{name} is {value}; expected {low:g} to {high:g}")


def to_unit(image: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [0, 1], same shape."""
    return image.astype(np.float32) / np.float32(255.0)


def from_unit(values: np.ndarray) -> np.ndarray:
    """float32 of full scale 1, clipped to [0, 1], to uint8, same shape."""
    return (np.clip(values, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
