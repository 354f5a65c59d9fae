"""The error of the diffusion head on its own mask: nothing where it is exact, what theory says where it is not."""

import numpy as np
import pytest
import torch

from camseg_core.drift.embedding import COLUMNS, ROWS
from camseg_core.evaluation.detection.denoising_residual import (
    NOISE_LEVELS,
    denoiser,
    denoising_residual,
    mask_latent,
    noise_errors,
)
from camseg_core.models.loading import load_model
from camseg_core.rendering import Drive
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import prepare
from camseg_core.sampling import NoiseProcess, make_scheduler

LATENT = torch.randn(2, 3, 9, 6, generator=torch.Generator().manual_seed(7))
TYPES = ("epsilon", "sample", "v_prediction")


def signal_levels(process):
    levels = make_scheduler("ddpm", process).alphas_cumprod
    return [float(levels[round(level * (process.train_timesteps - 1))]) for level in NOISE_LEVELS]


def denoiser_that_finds(clean, process):
    """What a head predicts at any timestep if ``clean`` is what it takes the latent for."""

    def denoise(noisy, timestep):
        alpha = float(make_scheduler("ddpm", process).alphas_cumprod[timestep])
        noise = (noisy - alpha**0.5 * clean) / (1 - alpha) ** 0.5
        velocity = alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean
        return {"epsilon": noise, "sample": clean, "v_prediction": velocity}[process.prediction_type]

    return denoise


@pytest.mark.parametrize("prediction_type", TYPES)
def test_a_head_that_predicts_exactly_leaves_nothing(prediction_type):
    process = NoiseProcess(prediction_type=prediction_type)
    errors = noise_errors(denoiser_that_finds(LATENT, process), LATENT, process)
    assert errors.shape == (2, 9, 6)
    np.testing.assert_allclose(errors, 0.0, atol=1e-9)


@pytest.mark.parametrize("prediction_type", TYPES)
def test_what_is_taken_for_another_mask_leaves_its_distance_over_the_noise(prediction_type):
    process = NoiseProcess(prediction_type=prediction_type)
    other = LATENT + torch.tensor([0.1, 0.2, -0.3]).view(1, 3, 1, 1)
    errors = noise_errors(denoiser_that_finds(other, process), LATENT, process)
    factor = np.mean([alpha / (1 - alpha) for alpha in signal_levels(process)])
    np.testing.assert_allclose(errors, factor * (0.01 + 0.04 + 0.09) / 3, rtol=1e-4)


def test_a_frames_error_does_not_depend_on_its_batch():
    process = NoiseProcess()
    blind = denoiser_that_finds(torch.zeros(1), process)
    np.testing.assert_allclose(
        noise_errors(blind, LATENT, process)[1:], noise_errors(blind, LATENT[1:], process), rtol=1e-6
    )


@torch.inference_mode()
def test_the_shipped_head_finds_its_masks_noise_less_well_under_the_conditions_of_another_frame():
    model = load_model("camseg-small", resolve_device("cpu"))
    height, width = model.input_size
    first, second = (prepare(model, Drive(seed, width, height).frame(1.0).image) for seed in (0, 1))
    latent = mask_latent(model, first.conditions[0])
    own, others = (
        noise_errors(denoiser(model, each.conditions[0]), latent, model.config.noise_process)
        for each in (first, second)
    )
    assert others.mean() > 1.5 * own.mean()
    regions = denoising_residual(model, first)
    assert regions.shape == (1, ROWS, COLUMNS)
    # Each region is 1/27 of the image but for the overlap of their edges.
    assert regions.mean().item() == pytest.approx(own.mean().item(), rel=0.05)
