"""Where the time of a frame went, from the camera's stamp to publishing."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from statistics import median

WINDOW_FRAMES = 100
"""Medians are over this many of the newest frames."""


@dataclass(frozen=True)
class FrameTiming:
    """One frame's times in milliseconds. The topics below ``debug/`` are called as the attributes are.

    Attributes:
        transport_latency_ms: from the camera's stamp to receipt, on the node's clock.
        waiting_time_ms: from receipt until its turn came.
        reading_time_ms: deserialising its message and converting its pixels.
        inference_time_ms: in the engine; of a batch all together.
        publishing_time_ms: drawing and sending what of it is subscribed to.
        processing_time_ms: from its turn to publishing; the three before, and waiting for the others of its batch.
        pipeline_latency_ms: from the camera's stamp to publishing, on the node's clock.
        cyclic_time_ms: since the camera's previous frame was published; NaN for the first.
    """

    transport_latency_ms: float
    waiting_time_ms: float
    reading_time_ms: float
    inference_time_ms: float
    publishing_time_ms: float
    processing_time_ms: float
    pipeline_latency_ms: float
    cyclic_time_ms: float

    def items(self) -> Iterator[tuple[str, float]]:
        """Name and milliseconds of each."""
        return ((name, getattr(self, name)) for name in TIMES)


TIMES: tuple[str, ...] = tuple(field.name for field in fields(FrameTiming))
"""The names of all times."""


class TimingWindow:
    """The times of the newest frames."""

    def __init__(self) -> None:
        self._timings: deque[FrameTiming] = deque(maxlen=WINDOW_FRAMES)

    def add(self, timing: FrameTiming) -> None:
        """Adds those of one frame."""
        self._timings.append(timing)

    def median_ms(self, name: str) -> float:
        """Median of one of ``TIMES``; NaN before the first frame that has it."""
        known = [value for timing in self._timings if (value := getattr(timing, name)) == value]
        return median(known) if known else float("nan")
