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


class RespacedDDPMScheduler(DDPMScheduler):
    """Ancestral sampling with a learned variance as improved-diffusion respaces it (Nichol and Dhariwal, 2021).

    The timesteps are spread from the first to the last, both included; a single one is the last. The products of the
    schedule are float64, as there: in float32, 100 steps leave the published latents by 4e-5 of their size.
    """

    def set_timesteps(self, num_inference_steps: int, device: torch.device | None = None) -> None:
        """See DDPMScheduler."""
        self.alphas_cumprod = torch.cumprod(1.0 - self.betas.double(), dim=0)
        if num_inference_steps == 1:
            super().set_timesteps(timesteps=[self.config.num_train_timesteps - 1], device=device)
        else:
            super().set_timesteps(num_inference_steps, device)


_SCHEDULERS: dict[str, tuple[type[SchedulerMixin], dict[str, object]]] = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}),
    "ddpm": (DDPMScheduler, {"clip_sample": False}),
    "dpmsolver++": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "lower_order_final": True}),
    "unipc": (UniPCMultistepScheduler, {}),
}
_LEARNED_VARIANCE_SCHEDULERS: dict[str, tuple[type[SchedulerMixin], dict[str, object]]] = {
    "ddpm": (
        RespacedDDPMScheduler,
        {"clip_sample": False, "variance_type": "learned_range", "timestep_spacing": "linspace"},
    ),
}
"""What takes the place of a sampler for models that learn the variance; the others take the mean alone."""


STOCHASTIC_SAMPLERS = frozenset({"ddpm"})
"""Those that add noise in every step, drawn on the device; the others go one way from where they start."""

CAPTURABLE_SAMPLERS = frozenset({"ddim", "dpmsolver++"})
"""Those whose steps a CUDA graph can hold: they draw nothing and copy nothing from the host."""


@dataclass(frozen=True)
class NoiseProcess:
    """The schedule that a model was trained with.

    Attributes:
        train_timesteps: number of timesteps.
        beta_schedule: diffusers' name of the schedule.
        prediction_type: ``v_prediction``, ``sample`` or ``epsilon``.
        learned_variance: whether the model predicts the variance too, in as many further channels, as an interpolation
            between its bounds ("learned range").
    """

    train_timesteps: int = 1000
    beta_schedule: str = "squaredcos_cap_v2"
    prediction_type: str = "v_prediction"
    learned_variance: bool = False


def make_scheduler(name: str, process: NoiseProcess) -> SchedulerMixin:
    """The scheduler called ``name`` for ``process``; raises ConfigurationError naming the known ones.

    Timesteps are spaced from the end ("trailing"), so that a single step starts at pure noise, where inference starts;
    with a learned variance ``ddpm`` spaces them as the published models of that kind do.
    """
    if name not in _SCHEDULERS:
        raise ConfigurationError(f"sampler {name!r} is unknown; expected one of {sorted(_SCHEDULERS)}")
    samplers = _SCHEDULERS | _LEARNED_VARIANCE_SCHEDULERS if process.learned_variance else _SCHEDULERS
    scheduler, options = samplers[name]
    common = {
        "num_train_timesteps": process.train_timesteps,
        "beta_schedule": process.beta_schedule,
        "prediction_type": process.prediction_type,
        "timestep_spacing": "trailing",
    }
    return scheduler(**common | options)


def check_steps(steps: int, train_timesteps: int) -> None:
    """Raises ConfigurationError unless there is a timestep for each denoising step, and one step at least."""
    if not 1 <= steps <= train_timesteps:
        raise ConfigurationError(f"steps is {steps}; expected 1 to {train_timesteps}")


def sample(
    denoise: Callable[[Tensor, Tensor], Tensor],
    noise: Tensor,
    scheduler: SchedulerMixin,
    steps: int,
    generator: torch.Generator | list[torch.Generator] | None = None,
) -> Tensor:
    """Run a sampler from pure noise.

    Args:
        denoise: prediction for noisy latents and a timestep of shape (1,), in the scheduler's prediction type; of the
            latents' shape, or with twice the channels where the variance is learned.
        noise: standard normal start, (N, C, …).
        scheduler: from ``make_scheduler``.
        steps: number of denoising steps, 1 to the training schedule's length.
        generator: source of the noise that stochastic samplers add, or one for each of the N.

    Returns:
        The clean latents, of the shape of ``noise``.
    """
    check_steps(steps, scheduler.config.num_train_timesteps)
    # The schedule stays on the CPU: no step waits for a GPU to read a number back, and a graph can hold them all.
    scheduler.set_timesteps(steps, device=torch.device("cpu"))
    takes_generator = isinstance(scheduler, DDPMScheduler | DDIMScheduler)
    extra = {"generator": generator} if takes_generator else {}
    latents = noise
    for timestep in scheduler.timesteps:
        prediction = denoise(latents, torch.full((1,), int(timestep), device=noise.device))
        if not isinstance(scheduler, DDPMScheduler):
            # Deterministic samplers have no use for a variance.
            prediction = prediction[:, : latents.shape[1]]
        latents = scheduler.step(prediction, timestep, latents, **extra).prev_sample
    return latents
