"""Confusion matrix and the segmentation metrics read off it."""

from dataclasses import dataclass

import numpy as np

from camseg_core.labels import UNLABELLED, LabelSet


@dataclass(frozen=True)
class SegmentationMetrics:
    """Metrics over all labelled pixels; every one a fraction, 0 to 1. Means leave out classes that never occur.

    Attributes:
        miou: mean over the classes of intersection over union.
        per_class_iou: intersection over union of each class by name; NaN for one neither labelled nor predicted.
        per_class_precision: pixel precision of each class by name; 0 for one that is labelled but never predicted, NaN
            for one that is not labelled.
        global_accuracy: share of pixels that are right.
        class_accuracy: mean over the labelled classes of recall.
        ap: mean over the labelled classes of pixel precision, which is what CAM-Seg's paper calls AP.
        f1: mean over the classes of the harmonic mean of precision and recall.
    """

    miou: float
    per_class_iou: dict[str, float]
    per_class_precision: dict[str, float]
    global_accuracy: float
    class_accuracy: float
    ap: float
    f1: float


class ConfusionMatrix:
    """Counts pixels by true class (row) and predicted class (column).

    Args:
        label_set: the classes. Unlabelled pixels (255) do not count, predictions of 255 count as wrong; so do those of
            its void, which is no class to be scored: Cityscapes' means are over 19 classes also where 20 are drawn.
    """

    def __init__(self, label_set: LabelSet) -> None:
        self.label_set = label_set
        # The extra column holds labelled pixels for which no class was predicted.
        self.counts = np.zeros((len(label_set), len(label_set) + 1), dtype=np.int64)

    def update(self, labels: np.ndarray, prediction: np.ndarray) -> None:
        """Add one image: labels and prediction, both (H, W) uint8 class ids or 255."""
        if labels.shape != prediction.shape:
            raise ValueError(f"labels are {labels.shape} but the prediction is {prediction.shape}; expected the same")
        rows, columns = self.counts.shape
        void = UNLABELLED if self.label_set.void is None else self.label_set.void
        valid = (labels != UNLABELLED) & (labels != void)
        true = labels[valid].astype(np.int64)
        predicted = prediction[valid].astype(np.int64)
        is_missing = predicted == UNLABELLED
        # Before 255 becomes the extra column, whose number as a predicted id is as wrong as any beyond it.
        largest = max(true.max(initial=0), predicted.max(initial=0, where=~is_missing))
        if largest >= rows:
            raise ValueError(f"class id {largest}; expected 0 to {rows - 1} or {UNLABELLED}")
        predicted[is_missing | (predicted == void)] = rows
        self.counts += np.bincount(true * columns + predicted, minlength=rows * columns).reshape(rows, columns)

    def metrics(self) -> SegmentationMetrics:
        """Metrics of all that was added; NaN where nothing was."""
        square = self.counts[:, : len(self.label_set)]
        hits = np.diag(square).astype(np.float64)
        labelled, predicted = self.counts.sum(axis=1), square.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = hits / (labelled + predicted - hits)
            recall = hits / labelled
            # A labelled class that is never predicted has no precision of its own and counts as 0.
            precision = np.where(labelled == 0, np.nan, np.where(predicted == 0, 0.0, hits / predicted))
            f1 = 2.0 * hits / (labelled + predicted)
            accuracy = hits.sum() / labelled.sum()
        return SegmentationMetrics(
            miou=_mean(iou),
            per_class_iou=dict(zip(self.label_set.names, iou.tolist(), strict=True)),
            per_class_precision=dict(zip(self.label_set.names, precision.tolist(), strict=True)),
            global_accuracy=float(accuracy),
            class_accuracy=_mean(recall),
            ap=_mean(precision),
            f1=_mean(f1),
        )


def _mean(values: np.ndarray) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
