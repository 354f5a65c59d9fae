"""Blur of the lens and of motion."""

import math

import cv2
import numpy as np

from camseg_core.corruptions.pixels import check_image, check_range

MAX_SIGMA_PX = 100.0
MAX_RADIUS_PX = 200


def gaussian_blur(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Blurs with a Gaussian; beyond the border the image is its mirror.

    Args:
        image: (H, W, 3) uint8 RGB.
        sigma_px: standard deviation in pixels, above 0, up to MAX_SIGMA_PX.
    """
    check_image(image)
    check_range("gaussian blur sigma_px", sigma_px, 0.01, MAX_SIGMA_PX)
    return cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)


def motion_blur(image: np.ndarray, radius_px: int, sigma_px: float, rng: np.random.Generator) -> np.ndarray:
    """Blurs along a line of a random direction up to 45° from the horizontal, as ImageNet-C does.

    Args:
        image: (H, W, 3) uint8 RGB.
        radius_px: of the kernel, see ``motion_kernel``.
        sigma_px: likewise.
        rng: decides the direction.
    """
    check_image(image)
    kernel = motion_kernel(radius_px, sigma_px, rng.uniform(-math.pi / 4, math.pi / 4))
    return cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT)


def motion_kernel(radius_px: int, sigma_px: float, angle_rad: float) -> np.ndarray:
    """Weights of what a moving camera gathers: one half of a Gaussian, from now backwards along the way.

    As in ImageMagick, which ImageNet-C uses, 2 ``radius_px`` + 1 points a pixel apart weigh ``exp(−d² / 2σ²)`` at d
    pixels back; here a point between pixels is shared out among its four neighbours.

    Args:
        radius_px: 1 to MAX_RADIUS_PX.
        sigma_px: of the Gaussian, above 0, up to MAX_SIGMA_PX.
        angle_rad: of the way, from the image's x axis to its y axis.

    Returns (side, side) float32, the present pixel in the middle, that sums to 1.
    """
    check_range("motion blur radius_px", radius_px, 1, MAX_RADIUS_PX)
    check_range("motion blur sigma_px", sigma_px, 0.01, MAX_SIGMA_PX)
    back_px = np.arange(2 * radius_px + 1, dtype=np.float64)
    weights = np.exp(-(back_px**2) / (2.0 * sigma_px**2))
    weights /= weights.sum()
    half = 2 * radius_px + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    x, y = half + back_px * math.cos(angle_rad), half + back_px * math.sin(angle_rad)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right_share, bottom_share = x - left, y - top
    for column, row, share in (
        (left, top, (1 - right_share) * (1 - bottom_share)),
        (left + 1, top, right_share * (1 - bottom_share)),
        (left, top + 1, (1 - right_share) * bottom_share),
        (left + 1, top + 1, right_share * bottom_share),
    ):
        np.add.at(kernel, (row, column), weights * share)
    return kernel.astype(np.float32)
