"""Embedding a latent: what each part says of each region and channel."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS, embed, split


def noise(channels: int = 3, height: int = 36, width: int = 24) -> torch.Tensor:
    return torch.randn(channels, height, width, generator=torch.Generator().manual_seed(0))


def test_against_numpy():
    latent = noise()
    parts = split(embed(latent))
    region = latent.double().numpy()[2, 4:8, 8:16]  # channel 2 of the second row and column of 9 × 3 regions
    assert list(parts) == list(PARTS)
    assert parts["mean"].shape == (ROWS, COLUMNS, 3)
    assert parts["mean"][1, 1, 2] == pytest.approx(region.mean())
    assert parts["log_contrast"][1, 1, 2] == pytest.approx(np.log(region.std()))


def test_detail_of_a_ramp_is_its_slope():
    # 0.5 a column, nothing down: half of the mean square difference to the right and lower neighbour.
    ramp = 0.5 * torch.arange(24.0).expand(1, 36, 24)
    parts = split(embed(ramp))
    np.testing.assert_allclose(parts["log_detail"], np.log(0.5 / np.sqrt(2)))
    np.testing.assert_allclose(parts["log_coarse_detail"], np.log(1.0 / np.sqrt(2)))


def test_halving_the_contrast_is_one_step_in_every_logarithm():
    full, half = split(embed(noise())), split(embed(0.5 * noise()))
    for part in PARTS[1:]:
        np.testing.assert_allclose(half[part] - full[part], -np.log(2.0))


def test_more_light_moves_the_means_alone():
    dark, bright = split(embed(noise())), split(embed(noise() + 3.0))
    np.testing.assert_allclose(bright["mean"] - dark["mean"], 3.0, rtol=1e-6)
    for part in PARTS[1:]:
        np.testing.assert_allclose(bright[part], dark[part], atol=1e-5)


def test_a_flat_latent_is_finite():
    assert np.isfinite(embed(torch.zeros(2, 36, 24))).all()


def test_a_latent_that_is_not_finite_shows():
    latent = noise()
    latent[1, 3, 3] = torch.nan
    assert not np.isfinite(embed(latent)).all()


def test_regions_are_those_of_adaptive_pooling_where_the_grid_does_not_fit_the_latent():
    latent = noise(channels=2, height=46, width=61).double()
    down, across = latent[:, 1:, :-1] - latent[:, :-1, :-1], latent[:, :-1, 1:] - latent[:, :-1, :-1]
    parts = split(embed(latent))
    for name, maps in {"mean": latent, "log_detail": (down**2 + across**2) / 2}.items():
        pooled = functional.adaptive_avg_pool2d(maps, (ROWS, COLUMNS)).permute(1, 2, 0)
        np.testing.assert_allclose(parts[name], pooled if name == "mean" else pooled.log() / 2, atol=1e-9)
