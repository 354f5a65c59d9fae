"""The record of one run of the node: every frame that was sent and what came back for it."""

import math
from dataclasses import dataclass

from camseg_core.frames import DriftState
from camseg_core.weather import Weather


@dataclass(frozen=True)
class DriftReading:
    """The drift judgement of one frame, as it was received.

    Attributes:
        score: 0 and more; NaN where it is not estimated.
        method: how the score is computed, such as ``mahalanobis``.
        state: the camera's state after the frame.
        warn_threshold, error_threshold: scores from which the state is WARN or ERROR; NaN without.
    """

    score: float
    method: str
    state: DriftState
    warn_threshold: float
    error_threshold: float


@dataclass(frozen=True)
class FrameRecord:
    """One frame that was sent.

    Attributes:
        index: its place in the source, from 0.
        stamp_ns: the camera's stamp, nanoseconds.
        mask_arrival_ns: when the mask arrived, on the clock of ``stamp_ns``; None where none did.
        drift: what was judged; None where nothing arrived.
        weather: the truth; None where it is not known.
    """

    index: int
    stamp_ns: int
    mask_arrival_ns: int | None = None
    drift: DriftReading | None = None
    weather: Weather | None = None

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds from camera stamp to the mask's arrival; None without a mask."""
        if self.mask_arrival_ns is None:
            return None
        return (self.mask_arrival_ns - self.stamp_ns) / 1e6


@dataclass(frozen=True)
class RunCounts:
    """Where the frames went: sent by the player; received, processed, dropped and failed as the node counts them."""

    sent: int
    received: int
    processed: int
    dropped: int
    failed: int


@dataclass(frozen=True)
class RunSetup:
    """What was run, on what.

    Attributes:
        source: where the frames came from, in words.
        model, device, steps, seed, drift_reference: as the node was told.
        rate_hz: frames sent a second.
        date: when the run began, ISO 8601 with time zone.
        hardware: processor and memory, in words.
        versions: of Python, ROS and the libraries that infer, by name.
    """

    source: str
    model: str
    device: str
    steps: int
    seed: int
    drift_reference: str
    rate_hz: float
    date: str
    hardware: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Timeline:
    """Successive frames of one camera.

    Attributes:
        frames: in the order they came, 1 or more. Their stamps may stand still or jump back: a driver sets none, a
            drive is rewound.
    """

    frames: tuple[FrameRecord, ...]

    def judged(self) -> list[tuple[FrameRecord, DriftReading]]:
        """The frames whose drift score arrived and is a number, each with its reading."""
        return [(f, f.drift) for f in self.frames if f.drift is not None and math.isfinite(f.drift.score)]

    def seconds(self, frame: FrameRecord) -> float:
        """Seconds from the first frame's stamp to that of ``frame``; less than 0 for an earlier one."""
        return (frame.stamp_ns - self.frames[0].stamp_ns) / 1e9


@dataclass(frozen=True)
class Run(Timeline):
    """A whole run of the node; its frames are in the order they were sent.

    Attributes:
        counts: where they went.
        messages_received: how many messages arrived on each output topic.
        stamps_match: every output carried the stamp of a sent frame, and none carried one twice.
        setup: what was run, on what.
    """

    counts: RunCounts
    messages_received: dict[str, int]
    stamps_match: bool
    setup: RunSetup
