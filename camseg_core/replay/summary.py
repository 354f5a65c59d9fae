"""The numbers of a replay: ``summary.json``, and what the page and the terminal print."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from camseg_core.evaluation.confusion import SegmentationMetrics
from camseg_core.evaluation.report.run import DriftReading, FrameRecord, Timeline
from camseg_core.frames import DriftState
from camseg_core.plain_json import plain_json
from camseg_core.replay.cameras import Camera
from camseg_core.replay.journal import Journal
from camseg_core.replay.scoring import MaskScores
from camseg_core.replay.segments import ALARMS, DriftSegment, find_segments


@dataclass(frozen=True)
class DriftSummary:
    """A camera's drift over the whole drive.

    Attributes:
        method, reference_id, warn_threshold, error_threshold: of the last judgement.
        score_median, score_p95, score_max: over the frames with a score; None without.
        state_shares: fraction of the frames in each state that occurs, by name.
        segments: stretches in WARN or ERROR, in the order of the frames.
    """

    method: str
    reference_id: str
    warn_threshold: float
    error_threshold: float
    score_median: float | None
    score_p95: float | None
    score_max: float | None
    state_shares: dict[str, float]
    segments: list[DriftSegment]

    @property
    def alarm_share(self) -> float:
        """Fraction of the frames in WARN or ERROR."""
        return sum(self.state_shares.get(state.name, 0.0) for state in ALARMS)


@dataclass(frozen=True)
class CameraSummary:
    """One camera of a replay.

    Attributes:
        name, topic, label_topic: as in ``Camera``.
        frames: how many have a mask.
        duration_s: from the earliest stamp to the latest, seconds.
        rate_hz: frames a second by the median of the periods; None where that is not above 0, or with a single frame.
        drift: over the drive.
        segmentation: over its labelled frames; None without.
        labelled_frames: how many.
    """

    name: str
    topic: str
    label_topic: str | None
    frames: int
    duration_s: float
    rate_hz: float | None
    drift: DriftSummary
    segmentation: SegmentationMetrics | None
    labelled_frames: int


@dataclass(frozen=True)
class LiveCounts:
    """Where the frames of a live replay went: sent by the player; the others as the node counts them."""

    sent: int
    received: int
    processed: int
    dropped: int
    failed: int


@dataclass(frozen=True)
class RunFacts:
    """What belongs to this run and not to its result: another machine has others.

    Attributes:
        date: when it began, ISO 8601 with time zone.
        hardware: processor and memory, in words.
        versions: of Python and the libraries that infer, by name.
        files: size and time of change of every file read, by path.
        inference_ms: p50, p95 and p99 of the engine's time a frame, milliseconds; None where it was not asked for.
        latency_ms: likewise from sending a frame to its mask's arrival.
    """

    date: str
    hardware: str
    versions: dict[str, str]
    files: dict[str, str]
    inference_ms: dict[str, float | None]
    latency_ms: dict[str, float | None]


@dataclass(frozen=True)
class ReplaySummary:
    """A whole replay.

    Attributes:
        bag: name of the bag.
        model_id: what segmented.
        settings: all options that decide the result, by name.
        cameras: in the order they are reported.
        segmentation: over the labelled frames of all cameras; None without.
        labels_without_frame: labels whose stamp no frame has, or whose frame a node dropped.
        live: where the frames went; None where no node was asked.
        run: what another run has others of.
    """

    bag: str
    model_id: str
    settings: dict[str, Any]
    cameras: list[CameraSummary]
    segmentation: SegmentationMetrics | None
    labels_without_frame: int
    live: LiveCounts | None
    run: RunFacts

    @property
    def frames(self) -> int:
        """Frames with a mask, of all cameras."""
        return sum(camera.frames for camera in self.cameras)

    def as_json(self) -> dict[str, Any]:
        """The content of ``summary.json``; a number that is not finite is null."""
        content = asdict(self)
        for camera, record in zip(self.cameras, content["cameras"], strict=True):
            for segment, fields in zip(camera.drift.segments, record["drift"]["segments"], strict=True):
                fields["duration_s"] = segment.duration_s
        return plain_json(content | {"frames": self.frames})


def timeline(journal: Journal, camera: str) -> Timeline:
    """The judged frames of a camera, for charts."""
    return Timeline(
        tuple(
            FrameRecord(
                number,
                stamp_ns,
                drift=DriftReading(drift.score, drift.method, drift.state, drift.warn_threshold, drift.error_threshold),
            )
            for number, stamp_ns, drift in journal.judgements(camera)
        )
    )


def summarize_camera(
    journal: Journal, camera: Camera, frames: Sequence[FrameRecord], scores: MaskScores
) -> CameraSummary:
    """The numbers of a camera; ``frames`` is its timeline, of one frame or more."""
    stamps_ns = [frame.stamp_ns for frame in frames]
    period_s = float(np.median(np.diff(stamps_ns))) / 1e9 if len(frames) > 1 else 0.0
    return CameraSummary(
        name=camera.name,
        topic=camera.topic,
        label_topic=camera.label_topic,
        frames=len(frames),
        duration_s=(max(stamps_ns) - min(stamps_ns)) / 1e9,
        rate_hz=1.0 / period_s if period_s > 0.0 else None,
        drift=_summarize_drift(journal, camera.name, frames),
        segmentation=scores.by_camera.get(camera.name),
        labelled_frames=sum(frame.index in scores.by_frame for frame in frames),
    )


def _summarize_drift(journal: Journal, camera: str, frames: Sequence[FrameRecord]) -> DriftSummary:
    readings = [frame.drift for frame in frames if frame.drift is not None]
    scores = [reading.score for reading in readings if math.isfinite(reading.score)]
    states: Mapping[DriftState, int] = Counter(reading.state for reading in readings)
    last = journal.entry(frames[-1].index).drift
    return DriftSummary(
        method=last.method,
        reference_id=last.reference_id,
        warn_threshold=last.warn_threshold,
        error_threshold=last.error_threshold,
        score_median=float(np.median(scores)) if scores else None,
        score_p95=float(np.percentile(scores, 95)) if scores else None,
        score_max=max(scores) if scores else None,
        state_shares={state.name: states[state] / len(readings) for state in sorted(states)},
        segments=find_segments((stamp_ns, drift) for _, stamp_ns, drift in journal.judgements(camera)),
    )
