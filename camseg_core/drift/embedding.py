"""From the latent of a frame to the vector whose drift is judged."""

import numpy as np
from torch import Tensor
from torch.nn import functional

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
        (PARTS · ROWS · COLUMNS · C,) float64, laid out as ``split`` undoes it. Not finite where the latent is not.
    """
    # Double precision, because the variance of a flat region is a small difference of large numbers.
    latent = latent.detach().double().cpu()
    mean = _pool(latent)
    variance = _pool(latent.square()) - mean.square()
    parts = (mean, _log(variance), _log(_pool(_detail(latent))), _log(_pool(_detail(functional.avg_pool2d(latent, 2)))))
    return np.concatenate([part.permute(1, 2, 0).reshape(-1).numpy() for part in parts])


def split(embedding: np.ndarray) -> dict[str, np.ndarray]:
    """The named parts of (…, D) embeddings, each (…, ROWS, COLUMNS, channels); views where numpy can."""
    channels = embedding.shape[-1] // (len(PARTS) * ROWS * COLUMNS)
    grid = embedding.reshape(*embedding.shape[:-1], len(PARTS), ROWS, COLUMNS, channels)
    return {name: grid[..., index, :, :, :] for index, name in enumerate(PARTS)}


def _pool(maps: Tensor) -> Tensor:
    """Averages of (C, h, w) maps over the regions, (C, ROWS, COLUMNS)."""
    return functional.adaptive_avg_pool2d(maps, (ROWS, COLUMNS))


def _detail(maps: Tensor) -> Tensor:
    """Mean square difference to the right and lower neighbour, (C, h − 1, w − 1)."""
    here = maps[:, :-1, :-1]
    return ((maps[:, :-1, 1:] - here).square() + (maps[:, 1:, :-1] - here).square()) / 2


def _log(variance: Tensor) -> Tensor:
    return variance.clamp_min(_FLOOR**2).log() / 2
