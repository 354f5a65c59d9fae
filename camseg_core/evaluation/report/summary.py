"""From the record of a run to its numbers: ``metrics.json``, and what the page and the terminal print."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from camseg_core.evaluation.confusion import SegmentationMetrics
from camseg_core.evaluation.report.run import FrameRecord, Run, RunCounts, RunSetup
from camseg_core.evaluation.report.statistics import auroc, latency_percentiles
from camseg_core.frames import DriftState
from camseg_core.plain_json import plain_json


@dataclass(frozen=True)
class ConditionSummary:
    """The frames of one true weather.

    Attributes:
        frames: how many were sent.
        processed: how many a mask arrived for.
        miou: over the processed frames with labels, fraction; None without.
        drift_score_median: over the judged frames; None without.
        drift_alarm_share: fraction of the judged frames in state WARN or ERROR; None without.
    """

    frames: int
    processed: int
    miou: float | None
    drift_score_median: float | None
    drift_alarm_share: float | None


@dataclass(frozen=True)
class RunSummary:
    """The numbers of a run. Shares are fractions, 0 to 1; None stands where there is no truth to compare with.

    Attributes:
        counts: where the frames went.
        latency_ms: p50, p95 and p99 of camera stamp to mask arrival, milliseconds.
        segmentation: over all processed frames with labels.
        drift_auroc: frames in fog or rain against clear ones.
        drift_method, drift_warn_threshold, drift_error_threshold: of the last judgement.
        conditions: by the name of the true weather, in order of first appearance; empty where it is not known.
        frames_lost: sent but never received by the node.
        messages_received, stamps_match, setup: as in ``Run``.
    """

    counts: RunCounts
    latency_ms: dict[str, float | None]
    segmentation: SegmentationMetrics | None
    drift_auroc: float | None
    drift_method: str | None
    drift_warn_threshold: float | None
    drift_error_threshold: float | None
    conditions: dict[str, ConditionSummary]
    messages_received: dict[str, int]
    stamps_match: bool
    setup: RunSetup

    @property
    def frames_lost(self) -> int:
        """Frames that were sent and that the node never received."""
        return self.counts.sent - self.counts.received

    def as_json(self) -> dict[str, Any]:
        """The content of ``metrics.json``; a number that is not finite is null."""
        segmentation = self.segmentation
        return plain_json(
            {
                "frames_sent": self.counts.sent,
                "frames_received": self.counts.received,
                "frames_processed": self.counts.processed,
                "frames_dropped": self.counts.dropped,
                "frames_failed": self.counts.failed,
                "latency_ms": self.latency_ms,
                "miou": segmentation and segmentation.miou,
                "per_class_iou": segmentation and segmentation.per_class_iou,
                "global_accuracy": segmentation and segmentation.global_accuracy,
                "class_accuracy": segmentation and segmentation.class_accuracy,
                "drift_auroc": self.drift_auroc,
                "drift": {
                    "method": self.drift_method,
                    "warn_threshold": self.drift_warn_threshold,
                    "error_threshold": self.drift_error_threshold,
                },
                "conditions": {name: vars(condition) for name, condition in self.conditions.items()},
                "transport": {"frames_lost": self.frames_lost, "messages_received": self.messages_received},
                "stamps_match": self.stamps_match,
                **vars(self.setup),
            }
        )


def summarize(
    run: Run,
    segmentation: SegmentationMetrics | None,
    condition_miou: Mapping[str, float],
) -> RunSummary:
    """Computes the numbers of ``run``.

    Args:
        run: the record.
        segmentation: metrics over the processed frames that have labels; None where none has.
        condition_miou: mean IoU by the name of the true weather, for those with labels.
    """
    judged = run.judged()
    last = judged[-1][1] if judged else None
    truths = [(reading.score, frame.weather.kind != "clear") for frame, reading in judged if frame.weather is not None]
    return RunSummary(
        counts=run.counts,
        latency_ms=latency_percentiles([ms for frame in run.frames if (ms := frame.latency_ms) is not None]),
        segmentation=segmentation,
        drift_auroc=auroc([score for score, _ in truths], [affected for _, affected in truths]),
        drift_method=last.method if last else None,
        drift_warn_threshold=last.warn_threshold if last else None,
        drift_error_threshold=last.error_threshold if last else None,
        conditions={name: _summarize_condition(run, name, condition_miou.get(name)) for name in _weather_names(run)},
        messages_received=run.messages_received,
        stamps_match=run.stamps_match,
        setup=run.setup,
    )


def _weather_names(run: Run) -> list[str]:
    return list(dict.fromkeys(frame.weather.kind for frame in run.frames if frame.weather is not None))


def _is_weather(frame: FrameRecord, name: str) -> bool:
    return frame.weather is not None and frame.weather.kind == name


def _summarize_condition(run: Run, name: str, miou: float | None) -> ConditionSummary:
    frames = [frame for frame in run.frames if _is_weather(frame, name)]
    readings = [reading for frame, reading in run.judged() if _is_weather(frame, name)]
    alarms = [reading.state in (DriftState.WARN, DriftState.ERROR) for reading in readings]
    return ConditionSummary(
        frames=len(frames),
        processed=sum(frame.mask_arrival_ns is not None for frame in frames),
        miou=miou,
        drift_score_median=float(np.median([reading.score for reading in readings])) if readings else None,
        drift_alarm_share=sum(alarms) / len(alarms) if alarms else None,
    )
