"""Segmentation quality of a model on a labelled dataset."""

import time
from dataclasses import dataclass

from tqdm import tqdm

from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict


@dataclass(frozen=True)
class SegmentationEvaluation:
    """Result of an evaluation.

    Attributes:
        metrics: over all labelled pixels, at the labels' own size.
        frames: number of images.
        seconds_per_frame: mean time of resizing, inference and argmax.
    """

    metrics: SegmentationMetrics
    frames: int
    seconds_per_frame: float


def evaluate_segmentation(
    model: SegmentationModel, dataset: LabelledDataset, sampling: SamplingSettings, progress: bool = False
) -> SegmentationEvaluation:
    """Segment every image of ``dataset`` and compare with its labels.

    Args:
        model: in evaluation mode, on its device.
        dataset: images and labels in the model's label set.
        sampling: steps, sampler, seed.
        progress: show a progress bar.
    """
    confusion = ConfusionMatrix(model.label_set)
    seconds = 0.0
    for index in tqdm(range(len(dataset)), desc="segmentation", unit="frame", disable=not progress):
        sample = dataset[index]
        started = time.perf_counter()
        predicted = predict(model, sample.image, sampling).labels
        seconds += time.perf_counter() - started
        confusion.update(sample.labels, predicted)
    return SegmentationEvaluation(confusion.metrics(), len(dataset), seconds / max(1, len(dataset)))
