"""sRGB values and linear light (IEC 61966-2-1)."""

import numpy as np


def srgb_to_linear(value: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values, both 0 to 1, same shape."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: np.ndarray) -> np.ndarray:
    """Values in sRGB of linear light, both 0 to 1, same shape."""
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
