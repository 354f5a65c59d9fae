"""From the latent of a frame to the vector whose drift is judged."""

from functools import lru_cache

import numpy as np
from torch import Tensor

ROWS, COLUMNS = 9, 3
"""The grid of regions over the image; many rows, because fog hides by distance, and distance goes by rows."""

PARTS = ("mean", "log_contrast", "log_detail", "log_coarse_detail")
"""What an embedding says of each region and channel, in this order.

- ``mean``: mean of the latent: colour and light.
- ``log_contrast``: natural logarithm of its standard deviation.
- ``log_detail``: logarithm of the root mean square difference of neighbours, one latent position apart.
- ``log_coarse_detail``: the same after averaging over 2 × 2 positions.

A loss of contrast by a factor is the same step in the logarithms wherever it starts, and the means do not enter them.
"""

_FLOOR = 1e-4
"""Below this deviation a region is flat; the floor keeps the logarithm of a black frame finite."""


def embed(latent: Tensor) -> np.ndarray:
    """The embedding of a frame.

    Args:
        latent: (C, h, w) posterior mean of the image latent, h and w at least 4.

    Returns:
        (PARTS · ROWS · COLUMNS · C,) float64, laid out as ``split`` undoes it; not finite if the latent is not.
    """
    # Double precision, because the variance of a flat region is a small difference of large numbers. In numpy, because
    # between two frames what counts is how few calls there are, and torch's are dearer: a cast of as many values as a
    # large model's latent has would wake all its threads besides.
    maps = latent.detach().cpu().numpy().astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = _pool(maps)
        variances = (_pool(maps * maps) - mean * mean, _pool(_detail(maps)), _pool(_detail(_halve(maps))))
        logarithms = np.log(np.maximum(variances, _FLOOR**2)) / 2
    return np.concatenate([mean[None], logarithms]).transpose(0, 2, 3, 1).reshape(-1)


def split(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """The named parts of (…, D) embeddings, each (…, ROWS, COLUMNS, channels); views where numpy can."""
    channels = embedding.shape[-1] // (len(PARTS) * ROWS * COLUMNS)
    grid = embedding.reshape(*embedding.shape[:-1], len(PARTS), ROWS, COLUMNS, channels)
    return {name: grid[..., index, :, :, :] for index, name in enumerate(PARTS)}


def _pool(maps: np.ndarray) -> np.ndarray:
    """Averages of (C, h, w) maps over the regions, (C, ROWS, COLUMNS), as torch's ``adaptive_avg_pool2d``."""
    return _averages(maps.shape[1], ROWS) @ (maps @ _averages(maps.shape[2], COLUMNS).T)


@lru_cache(maxsize=32)
def _averages(size: int, regions: int) -> np.ndarray:
    """(regions, size): the weight of each position in the average of each region; regions overlap where they must."""
    position, region = np.arange(size), np.arange(regions)[:, None]
    inside = (position >= region * size // regions) & (position < -(-(region + 1) * size // regions))
    return inside / inside.sum(axis=1, keepdims=True)


def _halve(maps: np.ndarray) -> np.ndarray:
    """Averages over 2 × 2 positions of (C, h, w) maps; an odd last row or column is left out."""
    whole = maps[:, : maps.shape[1] // 2 * 2, : maps.shape[2] // 2 * 2]
    rows = whole[:, ::2] + whole[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 4


def _detail(maps: np.ndarray) -> np.ndarray:
    """Mean square difference to the right and lower neighbour, (C, h − 1, w − 1)."""
    here = maps[:, :-1, :-1]
    across, down = maps[:, :-1, 1:] - here, maps[:, 1:, :-1] - here
    return (across * across + down * down) / 2
