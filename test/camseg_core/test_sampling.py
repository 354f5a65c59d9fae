"""Every sampler turns noise into the one latent that an exact denoiser knows."""

import math
import re

import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.models.settings import SAMPLERS
from camseg_core.sampling import NoiseProcess, make_scheduler, sample

PROCESS = NoiseProcess()
LEARNED_VARIANCE = NoiseProcess(prediction_type="epsilon", learned_variance=True)


def exact_noise(clean: torch.Tensor):
    """What a denoiser that knows the clean latent x predicts: α and σ of the timestep, and ε = (noisy − α x) / σ."""
    # Cosine schedule, Nichol and Dhariwal 2021, with betas capped at 0.999.
    level = torch.cos((torch.arange(1001, dtype=torch.float64) / 1000 + 0.008) / 1.008 * math.pi / 2).square()
    betas = (1.0 - level[1:] / level[:-1]).clamp(max=0.999)
    products = torch.cumprod(1.0 - betas, dim=0)

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        alpha, sigma = products[timestep].sqrt().float(), (1.0 - products[timestep]).sqrt().float()
        return alpha, sigma, (noisy - alpha * clean) / sigma

    return predict


def exact_velocity(clean: torch.Tensor):
    """The v-prediction of a denoiser that knows the clean latent (Salimans and Ho, 2022): v = α ε − σ x."""
    predict = exact_noise(clean)

    def denoise(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        alpha, sigma, noise = predict(noisy, timestep)
        return alpha * noise - sigma * clean

    return denoise


def exact_noise_and_variance(clean: torch.Tensor):
    """ε, and for each channel the middle of the variance's range."""
    predict = exact_noise(clean)

    def denoise(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        noise = predict(noisy, timestep)[2]
        return torch.cat([noise, torch.zeros_like(noise)], dim=1)

    return denoise


@pytest.mark.parametrize("steps", [1, 2, 4, 25])
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_exact_denoiser_is_followed_to_the_clean_latent(sampler, steps):
    generator = torch.Generator().manual_seed(1)
    clean = torch.randn((3, 5), generator=generator)
    noise = torch.randn((3, 5), generator=generator)
    result = sample(exact_velocity(clean), noise, make_scheduler(sampler, PROCESS), steps, generator)
    torch.testing.assert_close(result, clean, atol=0.02, rtol=0.0)


def test_a_single_step_starts_at_pure_noise():
    seen = []

    def denoise(noisy, timestep):
        seen.append(int(timestep))
        return torch.zeros_like(noisy)

    sample(denoise, torch.zeros(1, 1), make_scheduler("ddim", PROCESS), 1)
    assert seen == [999]


def test_stochastic_sampler_repeats_with_its_seed():
    def run(seed):
        scheduler = make_scheduler("ddpm", PROCESS)
        return sample(lambda x, t: 0.5 * x, torch.ones(4, 1), scheduler, 5, torch.Generator().manual_seed(seed))

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))


@pytest.mark.parametrize("steps", [1, 2, 4, 25])
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_samplers_of_a_learned_variance_follow_the_exact_denoiser_too(sampler, steps):
    generator = torch.Generator().manual_seed(1)
    clean = torch.randn((3, 5), generator=generator)
    noise = torch.randn((3, 5), generator=generator)
    scheduler = make_scheduler(sampler, LEARNED_VARIANCE)
    result = sample(exact_noise_and_variance(clean), noise, scheduler, steps, generator)
    torch.testing.assert_close(result, clean, atol=0.02, rtol=0.0)


@pytest.mark.parametrize(("steps", "expected"), [(1, [999]), (2, [999, 0]), (4, [999, 666, 333, 0])])
def test_ancestral_sampling_with_learned_variance_spans_all_timesteps(steps, expected):
    scheduler = make_scheduler("ddpm", LEARNED_VARIANCE)
    scheduler.set_timesteps(steps)
    assert scheduler.timesteps.tolist() == expected


def test_unknown_sampler_is_named_and_what_is_known_is_what_can_be_asked_for():
    with pytest.raises(ConfigurationError, match=rf"'euler'.*expected one of {re.escape(str(sorted(SAMPLERS)))}"):
        make_scheduler("euler", PROCESS)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_steps_out_of_range_are_named(steps):
    with pytest.raises(ConfigurationError, match=f"steps is {steps}; expected 1 to 1000"):
        sample(lambda x, t: x, torch.zeros(1), make_scheduler("ddim", PROCESS), steps)
