"""Irregular patches that cover a stated share of an image."""

import cv2
import numpy as np


def patch_mask(height_px: int, width_px: int, share: float, rng: np.random.Generator, edge_px: float) -> np.ndarray:
    """Opacity of patches, (height_px, width_px) float32, 0 to 1; ``share`` of the pixels lie in a patch.

    Patches are where smooth noise of several octaves is above its own quantile; their edges are blurred by a standard
    deviation of ``edge_px``, as of something out of focus. ``share`` is 0 to 1; at the ends everything is the same.
    """
    if share <= 0.0 or share >= 1.0:
        return np.full((height_px, width_px), float(share >= 1.0), np.float32)
    noise = np.zeros((height_px, width_px), np.float32)
    for cells, weight in ((3, 1.0), (6, 0.7), (12, 0.45), (24, 0.3), (48, 0.2)):
        grid = rng.standard_normal((max(cells * height_px // width_px, 2), cells)).astype(np.float32)
        noise += weight * cv2.resize(grid, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    inside = (noise > np.quantile(noise, 1.0 - share)).astype(np.float32)
    return cv2.GaussianBlur(inside, (0, 0), max(edge_px, 0.3), borderType=cv2.BORDER_REFLECT)
