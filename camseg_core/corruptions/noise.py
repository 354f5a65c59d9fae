"""Noise of the sensor and of the line, pixel by pixel."""

import numpy as np

from camseg_core.corruptions.pixels import check_image, check_range, from_unit, to_unit


def gaussian_noise(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Adds white Gaussian noise to each channel by itself.

    Args:
        image: (H, W, 3) uint8 RGB.
        sigma: standard deviation, 0 to 1 of full scale; values that leave the scale end at its ends.
        rng: source of the noise.

    Returns (H, W, 3) uint8 RGB, a new array, as all corruptions do. Raises FrameError for another array,
    ConfigurationError for a value out of range.
    """
    check_image(image)
    check_range("gaussian noise sigma", sigma, 0.0, 1.0)
    return from_unit(to_unit(image) + rng.standard_normal(image.shape, dtype=np.float32) * np.float32(sigma))


def salt_and_pepper(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Makes values of single channels black or white, as ImageNet-C does (scikit-image's ``random_noise``).

    Args:
        image: (H, W, 3) uint8 RGB.
        share: of the values that are replaced, 0 to 1; half of these become 0, half 255.
        rng: decides which.
    """
    check_image(image)
    check_range("salt-and-pepper share", share, 0.0, 1.0)
    draw = rng.random(image.shape, dtype=np.float32)
    noisy = image.copy()
    noisy[draw < share / 2.0] = 0
    noisy[draw >= 1.0 - share / 2.0] = 255
    return noisy
