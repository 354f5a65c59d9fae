"""What a camera's stamps say by themselves: that they stand still, or how long it usually takes for a frame."""

from collections.abc import Collection

MAX_GAP_FRAMES = 3.0
"""See ``DriftSettings.max_gap_s``."""


class StandingStamps:
    """Counts the stamps in a row that did not advance.

    Args:
        stale_frames: with so many the camera is stale.
    """

    def __init__(self, stale_frames: int) -> None:
        self._stale_frames = stale_frames
        self._last_ns: int | None = None
        self._frames = 0

    def is_stale(self, stamp_ns: int) -> bool:
        """Whether the camera is stale with this frame; to be told every frame's stamp."""
        self._frames = self._frames + 1 if stamp_ns == self._last_ns else 0
        self._last_ns = stamp_ns
        return self._frames >= self._stale_frames


def longest_gap(limit: float, intervals: Collection[float]) -> float:
    """What is no gap yet: ``limit``, or MAX_GAP_FRAMES of the usual interval where that is longer.

    Args:
        limit: in the unit of the intervals.
        intervals: between frames, one at least.
    """
    return max(limit, MAX_GAP_FRAMES * usual_interval(intervals))


def usual_interval(intervals: Collection[float]) -> float:
    """The lower median of one interval or more: of two, one of which is a gap, it is the other."""
    return float(sorted(intervals)[(len(intervals) - 1) // 2])
