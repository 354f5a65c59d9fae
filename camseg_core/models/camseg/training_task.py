"""Training of the transformer, the features and the diffusion head; the autoencoders stay frozen."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders.padding import pad_labels
from camseg_core.data.datasets import LabelledDataset
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.segmentation import evaluate_segmentation
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.sampling import check_steps, make_scheduler
from camseg_core.training.batches import Batch
from camseg_core.training.losses import cross_entropy_and_dice
from camseg_core.weights_files import save_module


@dataclass(frozen=True)
class CamSegLossSettings:
    """How CAM-Seg is trained.

    Attributes:
        mask_ratio_min: smallest share of mask tokens that are masked; the largest is 1.
        mask_ratio_std: standard deviation of the truncated normal around 1 that the share is drawn from.
        pure_noise_share: share of images whose timestep is the last one, where a sampler of one step starts.
        own_estimate_share: share of images whose noisy latent is made from the head's own one-step estimate instead of
            the truth. A sampler meets its own estimates; a head trained on the truth alone trusts them too much, and
            every further step makes the mask worse.
        cross_entropy, dice: weights of the terms on the decoded estimate of the clean latent, beside the diffusion
            loss's 1; they carry the classes' pixel errors through the frozen mask decoder.
    """

    mask_ratio_min: float = 0.7
    mask_ratio_std: float = 0.25
    pure_noise_share: float = 0.75
    own_estimate_share: float = 0.9
    cross_entropy: float = 1.0
    dice: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 <= self.mask_ratio_min <= 1.0:
            raise ConfigurationError(f"mask_ratio_min is {self.mask_ratio_min}; expected 0 to 1")
        if self.mask_ratio_std <= 0.0:
            raise ConfigurationError(f"mask_ratio_std is {self.mask_ratio_std}; expected more than 0")


class CamSegTask:
    """Diffusion loss on masked positions and, through the mask decoder, the classes' loss."""

    def __init__(
        self,
        model: CamSeg,
        class_weights: Tensor,
        validation: LabelledDataset,
        settings: CamSegLossSettings,
        sampling: SamplingSettings,
    ) -> None:
        self.module: nn.Module = model
        self._model = model
        self._class_weights = class_weights
        self._validation = validation
        self._settings = settings
        self._sampling = sampling
        process = model.config.noise_process
        if model.config.mask_decoding != "classes":
            raise ConfigurationError(
                f"mask decoding is {model.config.mask_decoding!r}; expected classes, whose losses these are"
            )
        if process.prediction_type != "v_prediction":
            raise ConfigurationError(
                f"prediction type is {process.prediction_type!r}; expected v_prediction, whose loss this is"
            )
        check_steps(sampling.steps, process.train_timesteps)  # not only when masks are first drawn, an hour from now
        self._scheduler = make_scheduler("ddpm", process)
        self._timesteps = process.train_timesteps

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See TrainingTask."""
        model, settings = self._model, self._settings
        # The frozen parts must not update the running statistics or drop anything.
        model.image_autoencoder.eval()
        model.mask_autoencoder.eval()
        images = model.pad(batch.images)
        labels = pad_labels(batch.labels, model.config.token_stride_px)
        with torch.no_grad():
            latent = model.mask_autoencoder.encode(model.mask_codec.encode(labels)).sample(generator).float()
        visible, masked = self._draw_mask(latent, generator)
        condition = model.condition(model.encode_image(images, model.image_latent(images)), latent, visible)
        timesteps = self._draw_timesteps(latent.shape[0], latent.device, generator)
        own = self._draw(settings.own_estimate_share, latent.shape[0], latent.device, generator).view(-1, 1, 1, 1)
        source = latent.clone()
        # At the last timestep nothing is left of the source, so no estimate is made for it.
        estimated = (own.flatten() & (timesteps < self._timesteps - 1)).nonzero().flatten()
        if len(estimated):
            source[estimated] = self._own_estimate(condition[estimated].detach(), latent[estimated].shape, generator)
        noise = torch.randn(latent.shape, generator=generator, device=latent.device)
        noisy = self._scheduler.add_noise(source, noise, timesteps)
        clean, velocity, alpha = self._estimate(noisy, timesteps, condition)
        # Noise on the true latent: the v-prediction loss. On the head's own estimate there is no true velocity, and the
        # distance of the clean latents, which is the same but for the factor 1 − α, takes its place.
        target = alpha.sqrt() * noise - (1.0 - alpha).sqrt() * latent
        errors = torch.where(own, clean - latent, velocity - target).square() * masked
        diffusion = errors.sum() / (masked.sum() * latent.shape[1])
        logits = model.mask_autoencoder.decode(torch.where(masked, clean, latent))
        cross_entropy, dice = cross_entropy_and_dice(logits, labels, self._class_weights.to(logits.device))
        total = diffusion + settings.cross_entropy * cross_entropy + settings.dice * dice
        return {"total": total, "diffusion": diffusion, "cross_entropy": cross_entropy, "dice": dice}

    def validate(self) -> dict[str, float]:
        """See TrainingTask: mIoU and class accuracy as ``camseg eval segmentation`` counts them."""
        metrics = evaluate_segmentation(self._model, self._validation, self._sampling).metrics
        return {"miou": metrics.miou, "class_accuracy": metrics.class_accuracy, **metrics.per_class_iou}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_module(self._model, self._model.config, folder)

    def _draw_mask(self, latent: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Indices of the visible mask tokens (N, V) and which latent positions are masked (N, 1, h, w)."""
        patch = self._model.config.patch_size
        batch, _, height, width = latent.shape
        rows, columns = height // patch, width // patch
        count = rows * columns - round(self._draw_mask_ratio(generator) * rows * columns)
        order = torch.rand((batch, rows * columns), generator=generator, device=latent.device).argsort(dim=1)
        visible = order[:, :count]
        masked = torch.ones((batch, rows * columns), device=latent.device, dtype=torch.bool)
        masked.scatter_(1, visible, False)
        grid = masked.view(batch, 1, rows, columns).float()
        return visible, functional.interpolate(grid, scale_factor=patch, mode="nearest").bool()

    def _draw_mask_ratio(self, generator: torch.Generator) -> float:
        """From a normal around 1, truncated to [minimum, 1], by the inverse of its distribution function."""
        uniform = torch.rand((), generator=generator, device=generator.device)
        reach = (1.0 - self._settings.mask_ratio_min) / self._settings.mask_ratio_std
        folded = math.sqrt(2.0) * torch.erfinv(uniform * math.erf(reach / math.sqrt(2.0)))
        return 1.0 - float(folded) * self._settings.mask_ratio_std

    def _estimate(self, noisy: Tensor, timesteps: Tensor, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Estimate of the clean latent, the velocity it comes from, and the squared signal level (N, 1, 1, 1)."""
        velocity = self._model.denoise(noisy, timesteps, condition).float()
        alpha = self._scheduler.alphas_cumprod.to(noisy.device)[timesteps].view(-1, 1, 1, 1)
        return alpha.sqrt() * noisy - (1.0 - alpha).sqrt() * velocity, velocity, alpha

    @torch.no_grad()
    def _own_estimate(self, condition: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
        """What a sampler of one step makes of pure noise."""
        noise = torch.randn(shape, generator=generator, device=condition.device)
        last = torch.full((shape[0],), self._timesteps - 1, device=condition.device)
        return self._estimate(noise, last, condition)[0]

    def _draw_timesteps(self, batch: int, device: torch.device, generator: torch.Generator) -> Tensor:
        drawn = torch.randint(self._timesteps, (batch,), generator=generator, device=device)
        pure = self._draw(self._settings.pure_noise_share, batch, device, generator)
        return torch.where(pure, self._timesteps - 1, drawn)

    @staticmethod
    def _draw(share: float, batch: int, device: torch.device, generator: torch.Generator) -> Tensor:
        """(N,) bool, each True with probability ``share``."""
        return torch.rand((batch,), generator=generator, device=device) < share
