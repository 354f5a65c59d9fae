"""Training of the autoencoders: images by pixel distance, masks by class."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from camseg_core.autoencoders.kl import KLAutoencoder
from camseg_core.autoencoders.padding import pad_labels, pad_to_multiple
from camseg_core.autoencoders.storage import save_autoencoder
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.labels import LabelSet
from camseg_core.training.batches import Batch, collate
from camseg_core.training.losses import one_hot, soft_dice, weighted_cross_entropy


@dataclass(frozen=True)
class AutoencoderLossSettings:
    """Weights of the terms beside the reconstruction.

    Attributes:
        kl: of the Kullback–Leibler divergence.
        dice: of the soft Dice term (masks only).
    """

    kl: float = 1e-3
    dice: float = 0.5


class ImageAutoencoderTask:
    """Reconstruct images: absolute pixel difference, absolute gradient difference, KL term."""

    def __init__(
        self, autoencoder: KLAutoencoder, validation: LabelledDataset, settings: AutoencoderLossSettings
    ) -> None:
        self.module: nn.Module = autoencoder
        self._autoencoder = autoencoder
        self._validation = validation
        self._settings = settings

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See TrainingTask."""
        images = pad_to_multiple(batch.images, self._autoencoder.config.downsampling)
        posterior = self._autoencoder.encode(images)
        decoded = self._autoencoder.decode(posterior.sample(generator)).float()
        pixels = (decoded - images).abs().mean()
        # Differences of neighbours weigh edges, which a plain pixel distance blurs away.
        edges = sum((torch.diff(decoded, dim=axis) - torch.diff(images, dim=axis)).abs().mean() for axis in (-1, -2))
        kl = posterior.kl_divergence().float()
        return {"total": pixels + edges + self._settings.kl * kl, "pixels": pixels, "kl": kl}

    def validate(self) -> dict[str, float]:
        """Mean peak signal-to-noise ratio of reconstructions from the posterior mean, dB."""
        device = next(self.module.parameters()).device
        ratios, means = [], []
        for index in range(len(self._validation)):
            images = collate([self._validation[index]]).to(device).images
            padded = pad_to_multiple(images, self._autoencoder.config.downsampling)
            mean = self._autoencoder.encode(padded).mean
            error = (self._autoencoder.decode(mean)[..., : images.shape[-2], : images.shape[-1]] - images).square()
            ratios.append(float(10.0 * torch.log10(4.0 / error.mean())))
            means.append(mean)
        return {"psnr_db": sum(ratios) / len(ratios), "latent_std": float(torch.cat(means).std())}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_autoencoder(self._autoencoder, folder)


class MaskAutoencoderTask:
    """Reconstruct class maps: weighted cross-entropy, Dice, KL term; decoding learns to tolerate noisy latents."""

    def __init__(
        self,
        autoencoder: KLAutoencoder,
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
        posterior = self._autoencoder.encode(one_hot(labels, len(self._label_set)))
        logits = self._autoencoder.decode(posterior.sample(generator))
        cross_entropy = weighted_cross_entropy(logits, labels, self._class_weights.to(logits.device))
        dice = soft_dice(logits, labels)
        kl = posterior.kl_divergence().float()
        total = cross_entropy + self._settings.dice * dice + self._settings.kl * kl
        return {"total": total, "cross_entropy": cross_entropy, "dice": dice, "kl": kl}

    def validate(self) -> dict[str, float]:
        """MIoU of class maps reconstructed from the posterior mean, and the latents' standard deviation."""
        device = next(self.module.parameters()).device
        confusion = ConfusionMatrix(self._label_set)
        means = []
        for index in range(len(self._validation)):
            labels = collate([self._validation[index]]).to(device).labels
            padded = pad_labels(labels, self._autoencoder.config.downsampling)
            mean = self._autoencoder.encode(one_hot(padded, len(self._label_set))).mean
            predicted = self._autoencoder.decode(mean).argmax(dim=1)[:, : labels.shape[1], : labels.shape[2]]
            confusion.update(labels[0].cpu().numpy().astype("uint8"), predicted[0].cpu().numpy().astype("uint8"))
            means.append(mean)
        metrics = confusion.metrics()
        thin = {f"iou_{name}": metrics.per_class_iou[name] for name in self._label_set.names}
        return {"miou": metrics.miou, "latent_std": float(torch.cat(means).std()), **thin}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_autoencoder(self._autoencoder, folder)
