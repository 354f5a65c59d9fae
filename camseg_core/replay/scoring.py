"""Masks against true labels: each frame, each camera, all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from camseg_core.errors import DatasetError
from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.labels import LabelSet
from camseg_core.replay.journal import Journal
from camseg_core.replay.table import FrameMetrics
from camseg_core.replay.truth import TrueLabels


@dataclass(frozen=True)
class MaskScores:
    """How right the masks of a replay are.

    Attributes:
        by_frame: by the number of the frame, for those with labels.
        by_camera: over all labelled frames of each camera, by its name.
        overall: over all labelled frames; None without any.
        labels_without_frame: labels whose stamp no frame has, or whose frame a node dropped.
    """

    by_frame: dict[int, FrameMetrics]
    by_camera: dict[str, SegmentationMetrics]
    overall: SegmentationMetrics | None
    labels_without_frame: int


def score_masks(journal: Journal, truths: Iterable[TrueLabels], label_set: LabelSet) -> MaskScores:
    """Compares the masks in the journal with the labels of the same frames.

    Raises:
        DatasetError: a label image has another size than its frame, or there are labels and none is of a frame.
    """
    by_frame: dict[int, FrameMetrics] = {}
    matrices: dict[str, ConfusionMatrix] = {}
    overall = ConfusionMatrix(label_set)
    unmatched, example, fits = 0, None, False
    for truth in truths:
        if truth.number is None:
            unmatched, example = unmatched + 1, truth
            continue
        fits = True
        entry = journal.find(truth.number)
        if entry is None:
            unmatched += 1
            continue
        if truth.labels.shape != entry.labels.shape:
            raise DatasetError(
                f"{truth.where}: labels are {truth.labels.shape} (height, width); expected {entry.labels.shape}, the "
                f"size of frame {truth.number}, which has stamp {entry.stamp_ns} ns"
            )
        one = ConfusionMatrix(label_set)
        for matrix in (one, overall, matrices.setdefault(truth.camera, ConfusionMatrix(label_set))):
            matrix.update(truth.labels, entry.labels)
        metrics = one.metrics()
        by_frame[entry.number] = FrameMetrics(metrics.miou, metrics.global_accuracy)
    if example is not None and not fits:
        raise DatasetError(
            f"{example.where}: is that of no frame of camera {example.camera!r}, and so it is with all {unmatched} "
            "label images; expected stamps equal to the frames'"
        )
    return MaskScores(
        by_frame=by_frame,
        by_camera={camera: matrix.metrics() for camera, matrix in matrices.items()},
        overall=overall.metrics() if by_frame else None,
        labels_without_frame=unmatched,
    )
