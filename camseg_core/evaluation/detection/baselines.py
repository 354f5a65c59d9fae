"""Statistics of one image that are known to change in bad weather, to compare a drift score with.

Each is turned by theory, never by the frames it is judged on, so that a larger value is more adverse. Fog adds light
and takes contrast away (Koschmieder, 1924): it raises the dark channel and brightness, and lowers contrast, sharpness
and spatial frequencies.

All but Autoware's are computed at one height, because Laplacian variance is not comparable between sizes.
"""

import cv2
import numpy as np

HEIGHT_PX = 360
"""The height that camseg-small sees; frames are scaled to it with their own aspect ratio."""

DARK_CHANNEL_PATCH_PX = 15

AUTOWARE_HEIGHT_PX = 480
AUTOWARE_BLOCKS = 5
"""Rows, and columns, of blocks."""

AUTOWARE_DARK_MEAN = 10
AUTOWARE_BLOCKAGE_INTENSITY = 10
AUTOWARE_BLOCKAGE_SHARE = 0.9
AUTOWARE_BLOCKAGE_FREQUENCY = 0.3
AUTOWARE_LOW_VISIBILITY_FREQUENCY = 4.0
AUTOWARE_BACKLIGHT_MEAN = 230

ENTROPY = "softmax_entropy"
"""Mean over the pixels of the entropy of the model's class probabilities, as a fraction of the largest there can be."""

DENOISING_RESIDUAL = "denoising_residual"
"""Mean over the regions of ``denoising_residual``."""

DIRECTIONS = {
    "dark_channel_mean": +1,
    "rms_contrast": -1,
    "laplacian_variance": -1,
    "mean_brightness": +1,
    "image_diagnostics_frequency": -1,
    "image_diagnostics_low_visibility": +1,
    "image_diagnostics_abnormal": +1,
    ENTROPY: +1,
    DENOISING_RESIDUAL: +1,
}
"""+1 where adverse weather raises the statistic, −1 where it lowers it."""


def image_statistics(image: np.ndarray) -> dict[str, float]:
    """Every statistic of ``DIRECTIONS`` that needs no model, of an (H, W, 3) uint8 RGB image, as it is measured."""
    scaled = _scale_to_height(image, HEIGHT_PX, cv2.INTER_AREA if image.shape[0] > HEIGHT_PX else cv2.INTER_LINEAR)
    gray = cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY)
    return {
        "dark_channel_mean": dark_channel_mean(scaled),
        "rms_contrast": float(gray.std()) / 255,
        "laplacian_variance": float(cv2.Laplacian(gray, cv2.CV_64F).var()),
        "mean_brightness": float(gray.mean()) / 255,
        **image_diagnostics(image),
    }


def dark_channel_mean(image: np.ndarray) -> float:
    """Mean over the image of the darkest channel in 15×15 pixels around each, 0 to 1 (He, Sun and Tang, 2011)."""
    patch = np.ones((DARK_CHANNEL_PATCH_PX, DARK_CHANNEL_PATCH_PX), np.uint8)
    return float(cv2.erode(image.min(axis=2), patch).mean()) / 255


def image_diagnostics(image: np.ndarray) -> dict[str, float]:
    """What Autoware's image_diagnostics computes of an (H, W, 3) uint8 RGB image.

    The grey image is scaled to 480 pixels of height and cut into 5×5 blocks. A block's frequency is the mean logarithm
    of the real part's magnitude of its Fourier transform. A block is dark, blocked, of low visibility, against the
    light or normal by the thresholds above, in that order.

    Returns:
        ``image_diagnostics_frequency``: mean frequency of the blocks; ``image_diagnostics_low_visibility`` and
        ``image_diagnostics_abnormal``: share of blocks of low visibility, and of blocks that are not normal.
    """
    gray = _scale_to_height(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), AUTOWARE_HEIGHT_PX, cv2.INTER_LINEAR)
    height, width = gray.shape[0] // AUTOWARE_BLOCKS, gray.shape[1] // AUTOWARE_BLOCKS
    cropped = gray[: height * AUTOWARE_BLOCKS, : width * AUTOWARE_BLOCKS]
    blocks = cropped.reshape(AUTOWARE_BLOCKS, height, AUTOWARE_BLOCKS, width).swapaxes(1, 2).reshape(-1, height, width)
    # Autoware truncates the mean to an integer.
    means = np.floor(blocks.mean(axis=(1, 2)))
    magnitudes = np.abs(np.fft.fft2(blocks.astype(np.float32)).real)
    frequencies = np.log(np.maximum(magnitudes, np.finfo(np.float32).tiny)).mean(axis=(1, 2))
    dark = means < AUTOWARE_DARK_MEAN
    blocked = ((blocks <= AUTOWARE_BLOCKAGE_INTENSITY).mean(axis=(1, 2)) > AUTOWARE_BLOCKAGE_SHARE) & (
        frequencies < AUTOWARE_BLOCKAGE_FREQUENCY
    )
    low = (frequencies < AUTOWARE_LOW_VISIBILITY_FREQUENCY) & (means < AUTOWARE_BACKLIGHT_MEAN)
    backlight = means > AUTOWARE_BACKLIGHT_MEAN
    return {
        "image_diagnostics_frequency": float(frequencies.mean()),
        "image_diagnostics_low_visibility": float((low & ~dark & ~blocked).mean()),
        "image_diagnostics_abnormal": float((dark | blocked | low | backlight).mean()),
    }


def _scale_to_height(image: np.ndarray, height: int, interpolation: int) -> np.ndarray:
    width = max(AUTOWARE_BLOCKS, image.shape[1] * height // image.shape[0])
    return (
        image if image.shape[:2] == (height, width) else cv2.resize(image, (width, height), interpolation=interpolation)
    )
