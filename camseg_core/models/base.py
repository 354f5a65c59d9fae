"""What every segmentation model offers to the engine, to evaluation and to the drift detector."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from camseg_core.errors import ConfigurationError
from camseg_core.labels import LabelSet


@dataclass(frozen=True)
class SamplingSettings:
    """How masks are drawn from a generative model.

    Attributes:
        steps: denoising steps, 1 or more.
        sampler: name in ``camseg_core.sampling.SAMPLERS``.
        seed: of the starting noise; the same seed and frame give the same mask.
    """

    steps: int = 1
    sampler: str = "ddim"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigurationError(f"steps is {self.steps}; expected 1 or more")


@dataclass(frozen=True)
class Segmentation:
    """What a model finds in a batch of images.

    Attributes:
        logits: (N, classes, H, W) float; the class of a pixel is the largest.
        image_latent: (N, C, h, w) float32, posterior mean of the image latents; the drift detector's raw material.
    """

    logits: Tensor
    image_latent: Tensor


class SegmentationModel(nn.Module, ABC):
    """A model that turns images into class logits.

    Attributes:
        model_id: name under which weights, results and drift references refer to the model.
        label_set: the classes it tells apart.
        input_size: (height, width) in pixels that images must have.
    """

    model_id: str
    label_set: LabelSet
    input_size: tuple[int, int]

    @abstractmethod
    def image_latent(self, images: Tensor) -> Tensor:
        """Posterior mean of the image latents, (N, C, h, w) float32, as ``segment`` returns it but nothing else."""

    @abstractmethod
    def segment(self, images: Tensor, sampling: SamplingSettings) -> Segmentation:
        """Segment (N, 3, H, W) float images in [−1, 1] of the model's input size."""

    def starting_noise(self, shape: torch.Size | tuple[int, ...], sampling: SamplingSettings) -> Tensor:
        """Standard normal noise drawn from the seed on the CPU, so that every device starts from the same."""
        generator = torch.Generator().manual_seed(sampling.seed)
        return torch.randn(shape, generator=generator).to(next(self.parameters()).device)
