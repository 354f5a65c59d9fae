"""Training of the autoencoders: images by pixel distance, masks by class."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from camseg_core.autoencoders.base import Autoencoder
from camseg_core.autoencoders.class_maps import decode_labels, encode_labels
from camseg_core.autoencoders.padding import pad_labels, pad_to_multiple
from camseg_core.autoencoders.storage import save_autoencoder
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.labels import LabelSet
from camseg_core.training.batches import Batch, collate
from camseg_core.training.losses import cross_entropy_and_dice, one_hot


@dataclass(frozen=True)
class AutoencoderLossSettings:
    """Weights of the terms beside the reconstruction.

    Attributes:
        bottleneck: of the bottleneck's own loss: Kullback–Leibler divergence, or commitment to the codes.
        dice: of the soft Dice term (masks only).
    """

    bottleneck: float = 1e-3
    dice: float = 0.5


class ImageAutoencoderTask:
    """Reconstruct images: absolute pixel difference, absolute gradient difference, the bottleneck's loss."""

    def __init__(
        self, autoencoder: Autoencoder, validation: LabelledDataset, settings: AutoencoderLossSettings
    ) -> None:
        self.module: nn.Module = autoencoder
        self._autoencoder = autoencoder
        self._validation = validation
        self._settings = settings

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See TrainingTask."""
        images = pad_to_multiple(batch.images, self._autoencoder.config.downsampling)
        latent, bottleneck = self._autoencoder.training_latent(images, generator)
        decoded = self._autoencoder.decode(latent).float()
        pixels = (decoded - images).abs().mean()
        # Differences of neighbours weigh edges, which a plain pixel distance blurs away.
        edges = sum((torch.diff(decoded, dim=axis) - torch.diff(images, dim=axis)).abs().mean() for axis in (-1, -2))
        total = pixels + edges + self._settings.bottleneck * bottleneck
        return {"total": total, "pixels": pixels, "bottleneck": bottleneck}

    def validate(self) -> dict[str, float]:
        """Mean peak signal-to-noise ratio of reconstructions, dB, and the latents' standard deviation."""
        device = next(self.module.parameters()).device
        ratios, latents = [], []
        for index in range(len(self._validation)):
            images = collate([self._validation[index]]).to(device).images
            padded = pad_to_multiple(images, self._autoencoder.config.downsampling)
            latent = self._autoencoder.latent(padded)
            error = (self._autoencoder.decode(latent)[..., : images.shape[-2], : images.shape[-1]] - images).square()
            ratios.append(float(10.0 * torch.log10(4.0 / error.mean())))
            latents.append(latent.flatten())  # frames may differ in size
        return {"psnr_db": sum(ratios) / len(ratios), "latent_std": float(torch.cat(latents).std())}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_autoencoder(self._autoencoder, folder)


class MaskAutoencoderTask:
    """Reconstruct class maps: weighted cross-entropy, Dice, the bottleneck's loss.

    Decoding a KL autoencoder's samples, it learns to tolerate noisy latents.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        label_set: LabelSet,
        class_weights: Tensor,
        validation: LabelledDataset,
        settings: AutoencoderLossSettings,
    ) -> None:
        self.module: nn.Module = autoencoder
        self._autoencoder = autoencoder
        self._label_set = label_set
        self._class_weights = class_weights
        self._validation = validation
        self._settings = settings

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See TrainingTask."""
        labels = pad_labels(batch.labels, self._autoencoder.config.downsampling)
        pixels = one_hot(labels, len(self._label_set))
        latent, bottleneck = self._autoencoder.training_latent(pixels, generator)
        logits = self._autoencoder.decode(latent)
        cross_entropy, dice = cross_entropy_and_dice(logits, labels, self._class_weights.to(logits.device))
        total = cross_entropy + self._settings.dice * dice + self._settings.bottleneck * bottleneck
        return {"total": total, "cross_entropy": cross_entropy, "dice": dice, "bottleneck": bottleneck}

    def validate(self) -> dict[str, float]:
        """MIoU of reconstructed class maps, and the latents' standard deviation."""
        device = next(self.module.parameters()).device
        confusion = ConfusionMatrix(self._label_set)
        latents = []
        for index in range(len(self._validation)):
            labels = collate([self._validation[index]]).to(device).labels
            latent = encode_labels(self._autoencoder, labels)
            decoded = decode_labels(self._autoencoder, latent, (labels.shape[1], labels.shape[2]))
            confusion.update(labels[0].cpu().numpy().astype("uint8"), decoded[0].cpu().numpy().astype("uint8"))
            latents.append(latent.flatten())  # frames may differ in size
        metrics = confusion.metrics()
        per_class = {f"iou_{name}": iou for name, iou in metrics.per_class_iou.items()}
        return {"miou": metrics.miou, "latent_std": float(torch.cat(latents).std()), **per_class}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_autoencoder(self._autoencoder, folder)
