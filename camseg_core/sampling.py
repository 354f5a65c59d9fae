"""Samplers: diffusers' schedulers by name, and the loop that runs one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    SchedulerMixin,
    UniPCMultistepScheduler,
)
from torch import Tensor

from camseg_core.errors import ConfigurationError

SAMPLERS: dict[str, tuple[type[SchedulerMixin], dict[str, object]]] = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}),
    "ddpm": (DDPMScheduler, {"clip_sample": False}),
    "dpmsolver++": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "lower_order_final": True}),
    "unipc": (UniPCMultistepScheduler, {}),
}


@dataclass(frozen=True)
class NoiseProcess:
    """The schedule that a model was trained with.

    Attributes:
        train_timesteps: number of timesteps.
        beta_schedule: diffusers' name of the schedule.
        prediction_type: ``v_prediction``, ``sample`` or ``epsilon``.
    """

    train_timesteps: int = 1000
    beta_schedule: str = "squaredcos_cap_v2"
    prediction_type: str = "v_prediction"


def make_scheduler(name: str, process: NoiseProcess) -> SchedulerMixin:
    """The scheduler called ``name`` for ``process``; raises ConfigurationError naming the known ones.

    Timesteps are spaced from the end ("trailing"), so that a single step starts at pure noise, where inference starts.
    """
    if name not in SAMPLERS:
        raise ConfigurationError(f"sampler {name!r} is unknown; expected one of {sorted(SAMPLERS)}")
    scheduler, options = SAMPLERS[name]
    return scheduler(
        num_train_timesteps=process.train_timesteps,
        beta_schedule=process.beta_schedule,
        prediction_type=process.prediction_type,
        timestep_spacing="trailing",
        **options,
    )


def sample(
    denoise: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    scheduler: SchedulerMixin,
    steps: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Run a sampler from pure noise.

    Args:
        denoise: prediction for noisy latents and a timestep of shape (1,), in the scheduler's prediction type.
        noise: standard normal start, any shape.
        scheduler: from ``make_scheduler``.
        steps: number of denoising steps, 1 to the training schedule's length.
        generator: source of the noise that stochastic samplers add.

    Returns:
        The clean latents, of the shape of ``noise``.
    """
    if not 1 <= steps <= scheduler.config.num_train_timesteps:
        raise ConfigurationError(f"steps is {steps}; expected 1 to {scheduler.config.num_train_timesteps}")
    scheduler.set_timesteps(steps, device=noise.device)
    takes_generator = isinstance(scheduler, DDPMScheduler | DDIMScheduler)
    extra = {"generator": generator} if takes_generator else {}
    latents = noise
    for timestep in scheduler.timesteps:
        prediction = denoise(latents, timestep.reshape(1))
        latents = scheduler.step(prediction, timestep, latents, **extra).prev_sample
    return latents
