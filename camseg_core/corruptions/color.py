"""Changes of exposure and colour: brightness, contrast, saturation, hue, on display values as ImageNet-C does."""

import cv2
import numpy as np

from camseg_core.corruptions.pixels import check_image, check_range, from_unit, to_unit

TURN_DEG = 360.0


def brightness(image: np.ndarray, shift: float) -> np.ndarray:
    """Adds to the value (HSV), which keeps hue and saturation.

    Args:
        image: (H, W, 3) uint8 RGB.
        shift: −1 to 1 of full scale.
    """
    check_image(image)
    check_range("brightness shift", shift, -1.0, 1.0)
    hsv = _to_hsv(image)
    hsv[..., 2] = np.clip(hsv[..., 2] + np.float32(shift), 0.0, 1.0)
    return _from_hsv(hsv)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies each channel's distance from its mean over the image.

    Args:
        image: (H, W, 3) uint8 RGB.
        factor: 0 (every channel at its mean) to 10.
    """
    check_image(image)
    check_range("contrast factor", factor, 0.0, 10.0)
    pixels = to_unit(image)
    mean = pixels.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return from_unit((pixels - mean) * np.float32(factor) + mean)


def saturation(image: np.ndarray, factor: float, shift: float) -> np.ndarray:
    """Multiplies the saturation (HSV) and adds to it; the value stays.

    Args:
        image: (H, W, 3) uint8 RGB.
        factor: 0 to 100.
        shift: −1 to 1.
    """
    check_image(image)
    check_range("saturation factor", factor, 0.0, 100.0)
    check_range("saturation shift", shift, -1.0, 1.0)
    hsv = _to_hsv(image)
    hsv[..., 1] = np.clip(hsv[..., 1] * np.float32(factor) + np.float32(shift), 0.0, 1.0)
    return _from_hsv(hsv)


def hue(image: np.ndarray, turn: float, rng: np.random.Generator) -> np.ndarray:
    """Turns the hue (HSV) one way or the other; saturation and value stay.

    Args:
        image: (H, W, 3) uint8 RGB.
        turn: 0 to 0.5 of the circle of hues.
        rng: decides the way.
    """
    check_image(image)
    check_range("hue turn", turn, 0.0, 0.5)
    hsv = _to_hsv(image)
    direction = 1.0 if rng.random() < 0.5 else -1.0
    hsv[..., 0] = np.mod(hsv[..., 0] + np.float32(direction * turn * TURN_DEG), np.float32(TURN_DEG))
    return _from_hsv(hsv)


def _to_hsv(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32: hue in degrees, saturation and value in [0, 1]."""
    return cv2.cvtColor(to_unit(image), cv2.COLOR_RGB2HSV)


def _from_hsv(hsv: np.ndarray) -> np.ndarray:
    return from_unit(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))
