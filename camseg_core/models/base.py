"""What every segmentation model offers to the engine, to evaluation and to the drift detector."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from camseg_core.labels import LabelSet
from camseg_core.models.largest_class import largest_class
from camseg_core.models.settings import SamplingSettings

KEPT_NOISE = 100
"""How many starts are kept, the ones used last: those of as many masks of an image, for one size of it.

No fewer than the node's ``num_samples`` may be (``camseg_ros/parameters.py``): where a draw does not find all its
starts in place, it makes them on the host, which can be in no CUDA graph.
"""


@dataclass(frozen=True)
class PreparedImages:
    """What a model makes of a batch of images before it draws masks: all that no sampling setting changes.

    Attributes:
        image_latent: (N, C, h, w) float32, posterior mean of the image latents; the drift detector's raw material.
        conditions: what the masks are drawn from, in an order of the model's own.
        image_size: (height, width) of the images in pixels.
    """

    image_latent: Tensor
    conditions: tuple[Tensor, ...]
    image_size: tuple[int, int]


@dataclass(frozen=True)
class Segmentation:
    """What a model finds in a batch of images.

    Attributes:
        logits: (N, classes, H, W) float: of the mask drawn, or the mean over the masks drawn.
        image_latent: (N, C, h, w) float32, posterior mean of the image latents; the drift detector's raw material.
        votes: (N, classes, H, W) float32, share of the masks drawn in which a pixel is of the class; None for one mask.
    """

    logits: Tensor
    image_latent: Tensor
    votes: Tensor | None = None

    def labels(self) -> Tensor:
        """(N, H, W) uint8 class ids: the class that most masks agree on, of equals the one with the larger mean logit.

        The majority, not the mean, decides: halfway between two classes a mean can be nearest to a third one, as
        blended colours are where masks are drawn in a palette.
        """
        if self.votes is None:
            return largest_class(self.logits)
        most = self.votes == self.votes.amax(dim=1, keepdim=True)
        return largest_class(self.logits.masked_fill(~most, -torch.inf))

    def confidence(self) -> Tensor:
        """(N, H, W) float32 in [0, 1], how sure the class of a pixel is.

        With several masks it is their agreement: the share of them in which the pixel is of the class given. With one
        there is nothing to agree with; it is then the softmax of the class's logit, which says how clearly that one
        mask was decoded and nothing of how another draw would have come out. Neither is calibrated. A single denoising
        step estimates the mean of all masks, so that its masks agree where the class is in doubt too: for agreement
        that tells right from wrong, draw in several steps.
        """
        if self.votes is None:
            return self.logits.float().softmax(dim=1).amax(dim=1)
        return self.votes.amax(dim=1)


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

    def __init__(self) -> None:
        super().__init__()
        self._noise: dict[tuple[int, tuple[int, ...], torch.device], Tensor] = {}

    @abstractmethod
    def image_latent(self, images: Tensor) -> Tensor:
        """Posterior mean of the latents of (N, 3, H, W) float images in [−1, 1], (N, C, h, w) float32.

        It comes first and depends on nothing else, so that drift can be judged while masks are drawn.
        """

    @abstractmethod
    def prepare(self, images: Tensor, image_latent: Tensor) -> PreparedImages:
        """All else that comes before drawing, for images of the model's input size and their ``image_latent``."""

    @abstractmethod
    def draw(self, prepared: PreparedImages, sampling: SamplingSettings) -> Tensor:
        """Draw one mask of each image, whatever ``num_samples`` is: (N, classes, H, W) logits.

        Their softmax stands for the certainty of the classes; a pixel's class is the largest.
        """

    @abstractmethod
    def inference_parts(self) -> list[nn.Module]:
        """The modules that an inference calls and that do most of its work, none inside another."""

    def segment(self, images: Tensor, sampling: SamplingSettings) -> Segmentation:
        """Segment (N, 3, H, W) float images in [−1, 1] of the model's input size."""
        return self.segment_prepared(self.prepare(images, self.image_latent(images)), sampling)

    @torch.no_grad()
    def segment_prepared(self, prepared: PreparedImages, sampling: SamplingSettings) -> Segmentation:
        """Draw ``num_samples`` masks of images that were prepared before."""
        logits = self.draw(prepared, sampling)
        if sampling.num_samples == 1:
            return Segmentation(logits, prepared.image_latent)
        votes = _one_vote_each(logits)
        for sample in range(1, sampling.num_samples):
            drawn = self.draw(prepared, replace(sampling, seed=sampling.seed + sample))
            logits = logits + drawn
            votes += _one_vote_each(drawn)
        return Segmentation(logits / sampling.num_samples, prepared.image_latent, votes / sampling.num_samples)

    def starting_noise(self, shape: torch.Size | tuple[int, ...], sampling: SamplingSettings) -> Tensor:
        """Standard normal noise drawn from the seed on the CPU, so that every device starts from the same.

        Every image of a batch starts from the same too: a mask does not depend on what else is in its batch.
        """
        device = next(self.parameters()).device
        key = (sampling.seed, tuple(shape[1:]), device)
        noise = self._noise.pop(key, None)
        if noise is None:
            generator = torch.Generator().manual_seed(sampling.seed)
            noise = torch.randn((1, *shape[1:]), generator=generator).to(device)
        self._noise[key] = noise  # behind all others: the first is the one not used for longest
        if len(self._noise) > KEPT_NOISE:
            del self._noise[next(iter(self._noise))]
        return noise.expand(shape).contiguous()

    def kept_noise(self) -> list[Tensor]:
        """What ``starting_noise`` keeps at present; a captured graph reads it, whether it is kept any longer or not."""
        return list(self._noise.values())


def _one_vote_each(logits: Tensor) -> Tensor:
    """(N, classes, H, W) float32: 1 for the class of each pixel, 0 for the others."""
    classes = largest_class(logits).long().unsqueeze(1)
    return torch.zeros_like(logits, dtype=torch.float32).scatter_(1, classes, 1.0)
