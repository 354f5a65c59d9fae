"""How a model is asked for a mask; nothing here loads torch."""

from dataclasses import dataclass

from camseg_core.errors import ConfigurationError

DECODERS = ("full", "fast")
"""What turns mask latents into classes: the mask autoencoder's own decoder, or the small network that stands for it."""

SAMPLERS = ("ddim", "ddpm", "dpmsolver++", "unipc")
"""What walks from noise to a mask latent, see ``camseg_core.sampling``."""


@dataclass(frozen=True)
class SamplingSettings:
    """How masks are drawn from a generative model.

    Attributes:
        steps: denoising steps, 1 or more.
        sampler: one of SAMPLERS.
        seed: of the starting noise; the same seed and frame give the same mask.
        num_samples: masks drawn of each image, 1 or more; the k-th of them, from 0, is what ``seed + k`` draws alone.
    """

    steps: int = 1
    sampler: str = "ddim"
    seed: int = 0
    num_samples: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigurationError(f"steps is {self.steps}; expected 1 or more")
        if self.num_samples < 1:
            raise ConfigurationError(f"num_samples is {self.num_samples}; expected 1 or more")
