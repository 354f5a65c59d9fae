"""Training of the discriminative network; the image autoencoder stays frozen."""

from pathlib import Path

import torch
from torch import Tensor, nn

from camseg_core.autoencoders.padding import pad_labels
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.segmentation import evaluate_segmentation
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.settings import SamplingSettings
from camseg_core.training.batches import Batch
from camseg_core.training.losses import cross_entropy_and_dice
from camseg_core.weights_files import save_module


class DiscriminativeTask:
    """Cross-entropy and Dice of the logits.

    Args:
        model: the network.
        class_weights: (classes,) of the cross-entropy.
        validation: held-out images.
        dice: weight of the Dice term beside the cross-entropy's 1.
    """

    def __init__(
        self, model: DiscriminativeNetwork, class_weights: Tensor, validation: LabelledDataset, dice: float
    ) -> None:
        self.module: nn.Module = model
        self._model = model
        self._class_weights = class_weights
        self._validation = validation
        self._dice = dice

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """See TrainingTask."""
        # The frozen part must not drop anything or update running statistics.
        self._model.image_autoencoder.eval()
        labels = pad_labels(batch.labels, self._model.config.token_stride_px)
        images = self._model.pad(batch.images)
        logits = self._model(images, self._model.image_latent(images))
        cross_entropy, dice = cross_entropy_and_dice(logits, labels, self._class_weights.to(logits.device))
        return {"total": cross_entropy + self._dice * dice, "cross_entropy": cross_entropy, "dice": dice}

    def validate(self) -> dict[str, float]:
        """See TrainingTask: mIoU and class accuracy as ``camseg eval segmentation`` counts them."""
        metrics = evaluate_segmentation(self._model, self._validation, SamplingSettings()).metrics
        return {"miou": metrics.miou, "class_accuracy": metrics.class_accuracy, **metrics.per_class_iou}

    def export(self, folder: Path) -> None:
        """See TrainingTask."""
        save_module(self._model, self._model.config, folder)
