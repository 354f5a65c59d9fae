"""Training batches, each a function of the seed and the step alone, so that a resumed run sees what it would have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.training.augmentation import AugmentationSettings, random_view, with_pasted


@dataclass(frozen=True)
class Batch:
    """Images and labels.

    Attributes:
        images: (N, 3, H, W) float32 in [−1, 1].
        labels: (N, H, W) int64 class ids, 255 unlabelled.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on ``device``."""
        return Batch(self.images.to(device), self.labels.to(device))


class BatchSource:
    """Draws augmented batches from several datasets held in memory.

    Args:
        datasets: the datasets with the share of each in a batch; shares add up to 1.
        batch_size: images a batch.
        size: (height, width) of the views, pixels.
        augmentation: how views differ.
        seed: of everything random.
        pasted_classes: ids of the classes that are pasted from one image into another, where ``augmentation`` says so.
    """

    def __init__(
        self,
        datasets: Sequence[tuple[LabelledDataset, float]],
        batch_size: int,
        size: tuple[int, int],
        augmentation: AugmentationSettings,
        seed: int,
        pasted_classes: Sequence[int] = (),
    ) -> None:
        shares = np.array([share for _, share in datasets])
        if (shares < 0).any() or abs(shares.sum() - 1.0) > 1e-6:
            raise ConfigurationError(f"dataset shares are {shares.tolist()}; expected numbers from 0 that add up to 1")
        self._samples: list[list[LabelledImage]] = [
            [dataset[index] for index in range(len(dataset))] for dataset, _ in datasets
        ]
        self._shares = shares
        self._batch_size = batch_size
        self._size = size
        self._augmentation = augmentation
        self._seed = seed
        self._pasted_classes = pasted_classes

    def batch(self, step: int) -> Batch:
        """The batch of training step ``step``."""
        random = np.random.default_rng((self._seed, step))
        views = []
        for source in random.choice(len(self._samples), size=self._batch_size, p=self._shares):
            samples = self._samples[source]
            sample = samples[random.integers(len(samples))]
            # Nothing is drawn where nothing is pasted: those runs go on with the batches they began with.
            if self._augmentation.paste_probability > 0.0 and random.random() < self._augmentation.paste_probability:
                donor = samples[random.integers(len(samples))]
                sample = with_pasted(sample, donor, self._pasted_classes, random)
            views.append(random_view(sample, self._size, self._augmentation, random))
        return collate(views)


def collate(samples: Sequence[LabelledImage]) -> Batch:
    """Labelled images of one size as a batch."""
    images = np.stack([sample.image for sample in samples])
    labels = np.stack([sample.labels for sample in samples])
    return Batch(
        images=torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1.0).contiguous(),
        labels=torch.from_numpy(labels).long(),
    )
