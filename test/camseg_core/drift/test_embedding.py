"""Pooling a latent: means and log deviations of three bands."""

import numpy as np
import torch

from camseg_core.drift.embedding import pool_latent


def test_against_numpy():
    latent = torch.randn(4, 9, 5, generator=torch.Generator().manual_seed(0))
    array = latent.double().numpy()
    bands = [array[:, 0:3], array[:, 3:6], array[:, 6:9]]
    means = [band[c].mean() for band in bands for c in range(4)]
    deviations = [np.log(band[c].std(ddof=1)) for band in bands for c in range(4)]
    np.testing.assert_allclose(pool_latent(latent), means + deviations)


def test_halving_the_contrast_shifts_the_deviations_by_log_two():
    latent = torch.randn(2, 6, 6, generator=torch.Generator().manual_seed(0))
    shift = pool_latent(0.5 * latent)[6:] - pool_latent(latent)[6:]
    np.testing.assert_allclose(shift, -np.log(2.0))


def test_a_flat_latent_is_finite():
    assert np.isfinite(pool_latent(torch.zeros(2, 6, 6))).all()
