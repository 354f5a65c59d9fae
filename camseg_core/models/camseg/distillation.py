"""Trains a fast decoder to say what a model's mask decoder says (Hinton et al. 2015), on the model's own latents."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from camseg_core.autoencoders.fast_decoder import FastDecoder, FastDecoderConfig
from camseg_core.autoencoders.padding import pad_labels
from camseg_core.data.datasets import LabelledDataset
from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.prediction import prepare
from camseg_core.training.augmentation import random_view, segmentation_views
from camseg_core.training.optimizers import make_optimizers

VIEWS_SHARE = 0.75
"""Of the latents trained on, those of views, where there are any."""

NOISY_SHARE = 0.25
"""Of the latents trained on, those to which noise is added."""


@dataclass(frozen=True)
class DistillationSettings:
    """How a fast decoder is trained.

    Attributes:
        steps: optimiser steps, a frame each.
        learning_rate: at its peak, of Muon and AdamW alike; linear warm-up, then a cosine down to nothing.
        warmup_steps: of the learning rate.
        sampling_steps: denoising steps of the latents drawn from the model; one number after the other, frame by frame.
        views: latents that are drawn from random views of each frame, spoilt ones among them, 0 or more: in frames that
            the model was trained on it is surer of itself than it is elsewhere.
        noise: largest standard deviation of the noise on latents, which have a standard deviation of about 1.
        width, blocks: of the fast decoder, at the latents' resolution.
        seed: of first weights, choice of frames and noise.
    """

    steps: int = 16000
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    sampling_steps: tuple[int, ...] = (1, 4)
    views: int = 10
    noise: float = 0.3
    width: int = FastDecoderConfig.width
    blocks: int = FastDecoderConfig.blocks
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigurationError(f"steps is {self.steps}; expected 1 or more")
        if self.views < 0:
            raise ConfigurationError(f"views is {self.views}; expected 0 or more")


@dataclass(frozen=True)
class MaskLatents:
    """Latents of the same frames, each (frames, C, h, w) float32, and of views of them.

    Attributes:
        drawn: by the model, from the images.
        true: of the true labels, through the mask autoencoder.
        mirrored: of the true labels, mirrored.
        views: (frames · views, C, h, w), drawn by the model, from random views of the images.
    """

    drawn: Tensor
    true: Tensor
    mirrored: Tensor
    views: Tensor


@torch.no_grad()  # not in inference mode: what is made in it cannot be trained on
def collect_latents(model: CamSeg, dataset: LabelledDataset, settings: DistillationSettings) -> MaskLatents:
    """Latents of all frames of ``dataset``, of any size, at the model's input size; shows a progress bar.

    Raises:
        ConfigurationError: the dataset has no frames.
    """
    if len(dataset) == 0:
        raise ConfigurationError("the dataset has no frames; expected some to draw latents from")
    device = next(model.parameters()).device
    drawn: list[Tensor] = []
    true: list[Tensor] = []
    mirrored: list[Tensor] = []
    views: list[Tensor] = []
    for index in tqdm(range(len(dataset)), desc="latents", unit="frame"):
        sample = dataset[index]
        random = np.random.default_rng((settings.seed, index))
        seen = (random_view(sample, model.input_size, segmentation_views(), random) for _ in range(settings.views))
        images = [sample.image, *(view.image for view in seen)]
        resized = cv2.resize(sample.labels, model.input_size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        labels = torch.from_numpy(resized).long().unsqueeze(0).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=supports_bfloat16(device)):
            for number, image in enumerate(images):
                steps = settings.sampling_steps[(index + number) % len(settings.sampling_steps)]
                sampling = SamplingSettings(steps, seed=settings.seed + index * len(images) + number)
                (views if number else drawn).append(model.draw_latent(prepare(model, image), sampling).cpu())
            for latents, masks in ((true, labels), (mirrored, labels.flip(-1))):
                padded = pad_labels(masks, model.config.token_stride_px)
                latents.append(model.mask_autoencoder.latent(model.mask_codec.encode(padded)).float().cpu())
    frames = torch.cat(drawn)
    return MaskLatents(frames, torch.cat(true), torch.cat(mirrored), torch.cat(views) if views else frames[:0])


def new_fast_decoder(model: CamSeg, settings: DistillationSettings) -> FastDecoder:
    """One to be distilled, on the CPU, with the full decoder's own layers where it has them, random ones elsewhere.

    Raises:
        ConfigurationError: the width does not fit.
    """
    autoencoder = model.config.mask_autoencoder
    config = FastDecoderConfig(
        autoencoder.latent_channels,
        len(model.label_set),
        autoencoder.downsampling,
        settings.width,
        settings.blocks,
    )
    torch.manual_seed(settings.seed)
    decoder = FastDecoder(config)
    decoder.start_from(model.mask_autoencoder)
    return decoder


def distil(decoder: FastDecoder, model: CamSeg, latents: MaskLatents, settings: DistillationSettings) -> FastDecoder:
    """Train a fast decoder on latents and everything around them; shows a progress bar.

    Each step takes a latent, as ``_choose`` does, and minimises the Kullback–Leibler divergence of the fast decoder's
    classes from the full decoder's, pixel by pixel.

    Args:
        decoder: from ``new_fast_decoder``; moved to the model's device and trained in place.
        model: in evaluation mode, frozen.
        latents: from ``collect_latents``.
        settings: how.

    Returns:
        ``decoder`` in evaluation mode.
    """
    device = next(model.parameters()).device
    random = torch.Generator().manual_seed(settings.seed)
    upsampling = decoder.config.upsampling
    decoder = decoder.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
    optimizers = make_optimizers("muon", decoder, settings.learning_rate, weight_decay=1e-4)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, settings)) for optimizer in optimizers
    ]
    with tqdm(total=settings.steps, desc="distillation", unit="step") as progress:
        for step in range(settings.steps):
            latent = _choose(latents, settings.noise, random).to(device)
            size = (latent.shape[-2] * upsampling, latent.shape[-1] * upsampling)
            with torch.autocast(device.type, torch.bfloat16, enabled=supports_bfloat16(device)):
                target = model.decode_mask(latent, size)
                logits = decoder(latent)
            divergence = functional.kl_div(
                logits.float().log_softmax(dim=1), target.float().log_softmax(dim=1), reduction="none", log_target=True
            )
            loss = divergence.sum(dim=1).mean()
            decoder.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
            for optimizer, schedule in zip(optimizers, schedules, strict=True):
                optimizer.step()
                schedule.step()
            progress.update()
            if step % 20 == 0:
                agreement = (logits.argmax(dim=1) == target.argmax(dim=1)).float().mean()
                progress.set_postfix(divergence=f"{loss.item():.4f}", agreement=f"{float(agreement):.4f}")
    return decoder.eval()


def _rate(step: int, settings: DistillationSettings) -> float:
    """Share of the peak learning rate."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _choose(latents: MaskLatents, noise: float, random: torch.Generator) -> Tensor:
    """A latent to train on, (1, C, h, w), to which noise is added a quarter of the time.

    Three times in four that of a view; else, a third of the time each, the drawn latent of a frame, a random point
    between it and the true one, or the mirrored one.
    """
    is_view = float(torch.rand(1, generator=random)) < VIEWS_SHARE and len(latents.views) > 0
    index = int(torch.randint(len(latents.views if is_view else latents.true), (1,), generator=random))
    kind, share, level, noisy = torch.rand(4, generator=random).tolist()
    if is_view:
        latent = latents.views[index]
    elif kind < 1 / 3:
        latent = latents.drawn[index]
    elif kind < 2 / 3:
        latent = torch.lerp(latents.drawn[index], latents.true[index], share)
    else:
        latent = latents.mirrored[index]
    if noisy < NOISY_SHARE:
        latent = latent + noise * level * torch.randn(latent.shape, generator=random)
    return latent.unsqueeze(0)
