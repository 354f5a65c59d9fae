"""Times of repeated work, and what is said of many of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch


@dataclass(frozen=True)
class Latency:
    """How long calls took; percentiles are interpolated linearly between the two nearest calls.

    Attributes:
        p50_ms, p95_ms, p99_ms: half, 95 % and 99 % of the calls took at most that, milliseconds.
        mean_ms: their mean.
        calls: how many there were.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    calls: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Of the seconds of one or more calls."""
        milliseconds = 1e3 * np.asarray(seconds, dtype=np.float64)
        p50, p95, p99 = np.percentile(milliseconds, (50, 95, 99)).tolist()
        return cls(p50, p95, p99, float(milliseconds.mean()), len(milliseconds))


def median_seconds(work: Callable[[], object], device: torch.device, repeats: int, warmup: int = 3) -> float:
    """Median seconds of ``work`` on ``device``, after ``warmup`` calls that do not count.

    On a GPU by events in the current stream, because calls return before the work is done.
    """
    for _ in range(warmup):
        work()
    if device.type != "cuda":
        return float(np.median([_wall_seconds(work) for _ in range(repeats)]))
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)]
    stream = torch.cuda.current_stream(device)
    for begin, end in events:
        begin.record(stream)
        work()
        end.record(stream)
    torch.cuda.synchronize(device)
    return float(np.median([begin.elapsed_time(end) / 1e3 for begin, end in events]))


def _wall_seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
