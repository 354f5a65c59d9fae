"""Stretches of time in which a camera's frames had drifted."""

from collections.abc import Iterable
from dataclasses import dataclass

from camseg_core.frames import DriftResult, DriftState

ALARMS = (DriftState.WARN, DriftState.ERROR)


@dataclass(frozen=True)
class DriftSegment:
    """Successive frames of one camera in state WARN or ERROR.

    Attributes:
        start_ns, end_ns: stamps of its first frame and of the first one after it, or of the last where the drive ends;
            the earliest and the latest of them and its other frames where stamps jump back.
        frames: how many.
        state: the gravest, WARN or ERROR.
        peak_score, peak_ns: the largest score, and the stamp of the frame that has it.
        cause: the cause with the largest mean probability over the segment; None where no frame has causes.
        cause_probability: that mean, fraction; None likewise.
    """

    start_ns: int
    end_ns: int
    frames: int
    state: str
    peak_score: float
    peak_ns: int
    cause: str | None
    cause_probability: float | None

    @property
    def duration_s(self) -> float:
        """From start to end, seconds."""
        return (self.end_ns - self.start_ns) / 1e9


def find_segments(judgements: Iterable[tuple[int, DriftResult]]) -> list[DriftSegment]:
    """The segments in the judgements of one camera, each with the frame's stamp, in the order of the frames."""
    segments: list[DriftSegment] = []
    present: list[tuple[int, DriftResult]] = []
    stamp_ns = 0
    for stamp_ns, drift in judgements:
        if drift.state in ALARMS:
            present.append((stamp_ns, drift))
        elif present:
            segments.append(_segment(present, stamp_ns))
            present = []
    if present:
        segments.append(_segment(present, stamp_ns))
    return segments


def _segment(judgements: list[tuple[int, DriftResult]], end_ns: int) -> DriftSegment:
    stamps_ns = [stamp_ns for stamp_ns, _ in judgements]
    peak_ns, peak = max(judgements, key=lambda judgement: judgement[1].score)
    totals: dict[str, float] = {}
    for _, drift in judgements:
        for cause, probability in drift.causes.items():
            totals[cause] = totals.get(cause, 0.0) + probability
    judged = sum(bool(drift.causes) for _, drift in judgements)
    likeliest = max(totals, key=lambda name: totals[name]) if totals else None
    return DriftSegment(
        start_ns=min(stamps_ns),
        end_ns=max(*stamps_ns, end_ns),
        frames=len(judgements),
        state=max(drift.state for _, drift in judgements).name,
        peak_score=peak.score,
        peak_ns=peak_ns,
        cause=likeliest,
        cause_probability=None if likeliest is None else totals[likeliest] / judged,
    )
