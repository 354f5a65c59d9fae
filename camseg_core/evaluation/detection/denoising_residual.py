"""How badly the diffusion head denoises its own mask of a frame: a score of strangeness without any reference.

The mask latent that the model draws for a frame is noised with known noise, and the head asked for that noise under the
frame's own conditions. Where frame and mask fit what the model was trained on, it finds the noise (Graham et al.,
"Denoising diffusion models for out-of-distribution detection", 2023, here with a mask instead of the image).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from camseg_core.drift.embedding import COLUMNS, ROWS
from camseg_core.models.base import PreparedImages
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.sampling import NoiseProcess, make_scheduler, sample

NOISE_LEVELS = (0.2, 0.4, 0.6, 0.8)
"""Timesteps of the noise, as fractions of the schedule: below these the latent is hardly noisy, above hardly there."""

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""From noisy (N, C, h, w) latents and a timestep of shape (1,) to a prediction in the process's prediction type."""

_SEED = 0


@torch.inference_mode()
def denoising_residual(model: CamSeg, prepared: PreparedImages) -> Tensor:
    """Mean squared error of the noise found in each frame's own mask latent, by region, (N, ROWS, COLUMNS) float32.

    Costs one pass of the diffusion head for the mask and one for each of NOISE_LEVELS.
    """
    (condition,) = prepared.conditions
    errors = noise_errors(denoiser(model, condition), mask_latent(model, condition), model.config.noise_process)
    return functional.adaptive_avg_pool2d(errors, (ROWS, COLUMNS))


def mask_latent(model: CamSeg, condition: Tensor) -> Tensor:
    """The clean mask latent that the model draws in one step under (N, channels, h, w) conditions, (N, C, h, w)."""
    batch, _, rows, columns = condition.shape
    sampling = SamplingSettings(steps=1)
    noise = model.starting_noise((batch, model.config.mask_autoencoder.latent_channels, rows, columns), sampling)
    scheduler = make_scheduler(sampling.sampler, model.config.noise_process)
    return sample(denoiser(model, condition), noise, scheduler, sampling.steps)


def denoiser(model: CamSeg, condition: Tensor) -> Denoiser:
    """The model's head under given conditions, in the precision that they were computed in."""
    device = condition.device.type
    mixed = condition.dtype == torch.bfloat16

    def denoise(noisy: Tensor, timestep: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            return model.denoise(noisy, timestep, condition).float()

    return denoise


def noise_errors(denoise: Denoiser, latent: Tensor, process: NoiseProcess) -> Tensor:
    """Mean squared error of the noise found in noised latents, over their channels and NOISE_LEVELS.

    Args:
        denoise: finds the noise.
        latent: (N, C, h, w) float32, clean.
        process: the schedule that the latents are noised by.

    Returns:
        (N, h, w) float32. A denoiser that finds no more than zero for the clean latent has ᾱ / (1 − ᾱ) times its mean
        square, ᾱ being the squared signal level.
    """
    generator = torch.Generator().manual_seed(_SEED)
    signal_levels = make_scheduler("ddpm", process).alphas_cumprod
    errors = []
    for level in NOISE_LEVELS:
        timestep = torch.tensor([round(level * (process.train_timesteps - 1))])
        alpha = float(signal_levels[timestep])
        # The same noise for every frame of a batch, as ``starting_noise``: a score does not depend on its batch.
        noise = torch.randn(latent.shape[1:], generator=generator).to(latent.device)
        noisy = alpha**0.5 * latent + (1 - alpha) ** 0.5 * noise
        prediction = denoise(noisy, timestep.to(latent.device))[:, : latent.shape[1]]
        errors.append((_noise(prediction, noisy, alpha, process.prediction_type) - noise).square().mean(dim=1))
    return torch.stack(errors).mean(dim=0)


def _noise(prediction: Tensor, noisy: Tensor, alpha: float, prediction_type: str) -> Tensor:
    """The noise that a prediction means (Salimans and Ho, 2022, appendix D)."""
    if prediction_type == "epsilon":
        return prediction
    if prediction_type == "sample":
        return (noisy - alpha**0.5 * prediction) / (1 - alpha) ** 0.5
    return alpha**0.5 * prediction + (1 - alpha) ** 0.5 * noisy
