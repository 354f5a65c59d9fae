"""How soon an alarm comes, and how often a false one, in frames that follow each other."""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from camseg_core.drift.settings import DriftSettings
from camseg_core.drift.stamps import longest_gap, usual_interval
from camseg_core.frames import DriftResult, DriftState

CLEAR = "clear"
"""Name of the weather that must raise no alarm."""

ALARMS = frozenset({DriftState.WARN, DriftState.ERROR})


@dataclass(frozen=True)
class Segment:
    """Frames in a row with the same true weather.

    Attributes:
        weather: its name.
        frames: how many they are.
        start_s: stamp of its first frame, seconds from the sequence's start; gaps count as one period (``steps_s``).
        end_s: stamp of the first frame after it, or, at the end of the sequence, the usual period after its last.
        alarm_frames: frames in state WARN or ERROR.
        alarms: how many times the state became WARN or ERROR within it.
        delay_frames: frames before the first one in alarm; 0 if that is the first. None where none is.
        delay_s: the same in seconds; None where none is.
    """

    weather: str
    frames: int
    start_s: float
    end_s: float
    alarm_frames: int
    alarms: int
    delay_frames: int | None
    delay_s: float | None

    @property
    def found(self) -> bool:
        """Whether any of its frames is in alarm."""
        return self.delay_frames is not None


@dataclass(frozen=True)
class JudgedSequence:
    """Frames of one camera in the order of time, judged by one detector; one frame or more.

    Attributes:
        name: which.
        stamps_ns: of the frames.
        results: the detector's.
        weather: name of the true weather of each frame.
    """

    name: str
    stamps_ns: tuple[int, ...]
    results: tuple[DriftResult, ...]
    weather: tuple[str, ...]

    @cached_property
    def steps_s(self) -> np.ndarray:
        """(frames − 1,) seconds from each frame to the next by their stamps; a step back or a gap counts as one period.

        So does the time of a bag that was rewound, or whose clock was set back, go on; and a pause, after which the
        detector's test over time begins anew, is no driving without a false alarm.
        """
        steps: np.ndarray = np.diff(np.array(self.stamps_ns, dtype=np.int64)) / 1e9
        forward = steps[steps >= 0.0]
        if not len(forward):
            return np.zeros(len(steps))
        is_gap = steps > longest_gap(DriftSettings.max_gap_s, forward)
        return np.where((steps < 0.0) | is_gap, usual_interval(forward), steps)

    @cached_property
    def seconds(self) -> np.ndarray:
        """(frames,) seconds from the first frame."""
        return np.concatenate([[0.0], np.cumsum(self.steps_s)])

    @property
    def scores(self) -> np.ndarray:
        """(frames,) scores."""
        return np.array([result.score for result in self.results])

    @property
    def adverse(self) -> np.ndarray:
        """(frames,) bool, whether the true weather is other than clear."""
        return np.array([weather != CLEAR for weather in self.weather])

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The stretches of one true weather, in the order of time."""
        seconds = self.seconds
        period_s = usual_interval(self.steps_s) if len(self.steps_s) else 0.0
        ends_s = np.append(seconds[1:], seconds[-1] + period_s)
        alarmed = [result.state in ALARMS for result in self.results]
        found, first = [], 0
        for weather, group in groupby(self.weather):
            after = first + len(list(group))
            inside = alarmed[first:after]
            before = alarmed[first - 1] if first else False
            delay = inside.index(True) if any(inside) else None
            found.append(
                Segment(
                    weather=weather,
                    frames=len(inside),
                    start_s=float(seconds[first]),
                    end_s=float(ends_s[after - 1]),
                    alarm_frames=sum(inside),
                    alarms=sum(now and not was for was, now in zip([before, *inside], inside, strict=False)),
                    delay_frames=delay,
                    delay_s=None if delay is None else float(seconds[first + delay] - seconds[first]),
                )
            )
            first = after
        return tuple(found)


def hours(segment: Segment) -> float:
    """How long a segment lasts, hours."""
    return (segment.end_s - segment.start_s) / 3600


def median_delay(segments: list[Segment]) -> tuple[float, float]:
    """Median delay of the segments that were found, in frames and in seconds; NaN where none was."""
    frames = [segment.delay_frames for segment in segments if segment.delay_frames is not None]
    seconds = [segment.delay_s for segment in segments if segment.delay_s is not None]
    if not frames:
        return math.nan, math.nan
    return float(np.median(frames)), float(np.median(seconds))
