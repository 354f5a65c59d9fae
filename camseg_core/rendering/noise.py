"""Random numbers by key, and tileable noise."""

import cv2
import numpy as np


def keyed_rng(seed: int, *key: int) -> np.random.Generator:
    """A generator that depends on seed and key only, so that any part of an endless street can be made at any time."""
    return np.random.default_rng([seed, *(part + 2**31 for part in key)])


def tile_noise(rng: np.random.Generator, size: int, cells: tuple[int, ...], weights: tuple[float, ...]) -> np.ndarray:
    """Smooth noise that repeats without a seam: a weighted sum of random grids of the given cell counts.

    Returns (size, size) float32 with mean 0 and standard deviation 1.
    """
    total = np.zeros((size, size), np.float32)
    for count, weight in zip(cells, weights, strict=True):
        grid = np.pad(rng.standard_normal((count, count)).astype(np.float32), 2, mode="wrap")
        step = size // count
        large = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        total += weight * large[2 * step : 2 * step + size, 2 * step : 2 * step + size]
    return (total - total.mean()) / total.std()
