"""From the latent of a frame to the vector whose drift is judged."""

import numpy as np
import torch
from torch import Tensor

BANDS = 3
"""Horizontal bands: above the horizon, around it and the road before the car change differently in bad weather."""


def pool_latent(latent: Tensor) -> np.ndarray:
    """Mean and standard deviation of each channel in each band.

    Args:
        latent: (C, h, w) posterior mean of the image latent.

    Returns:
        (2 · BANDS · C,) float64: the means of all bands, then the logarithms of the standard deviations. The logarithm
        makes a loss of contrast by a factor the same step wherever it starts.
    """
    bands = torch.tensor_split(latent.double(), BANDS, dim=1)
    means = torch.cat([band.mean(dim=(1, 2)) for band in bands])
    deviations = torch.cat([band.std(dim=(1, 2)) for band in bands])
    return torch.cat([means, deviations.clamp_min(1e-6).log()]).cpu().numpy()
