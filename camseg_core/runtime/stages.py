"""The stages of an inference by name: ranges for a profiler, times for a benchmark."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch.profiler import record_function

STAGES = (
    "upload",
    "convert",
    "image_encoder",
    "features",
    "transformer",
    "head",
    "decoder",
    "labels",
    "download",
    "drift",
)
"""In the order a frame passes them.

A stage can come more than once in a frame (``features`` before and after the transformer, ``head`` and ``decoder`` for
each mask drawn) or not at all (``features`` in a model without any; ``upload`` and ``download`` on the CPU).
"""


class StageTimes:
    """How long each pass through each stage took.

    Stages on the CPU are measured by the wall clock, stages on a GPU by CUDA events in the stream that they run in, so
    that measuring does not make the host wait. Stages nest in none of the others: the times add up.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, list[float | tuple[torch.cuda.Event, torch.cuda.Event]]] = defaultdict(list)

    def seconds(self) -> dict[str, list[float]]:
        """Seconds of each pass, by stage, in the order of the passes; waits for those that a GPU has not ended yet."""
        return {name: [_seconds(passed) for passed in passes] for name, passes in self._seconds.items()}

    def clear(self) -> None:
        """Forget all passes so far."""
        self._seconds.clear()

    @contextmanager
    def measure(self, name: str, device: torch.device) -> Iterator[None]:
        """Measure what happens inside as a pass through the stage ``name`` on ``device``.

        Nothing is measured while a graph is captured: its kernels run later, and more than once.
        """
        if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            yield
        elif device.type == "cuda":
            stream = torch.cuda.current_stream(device)
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record(stream)
            yield
            end.record(stream)
            self._seconds[name].append((begin, end))
        else:
            started = time.perf_counter()
            yield
            self._seconds[name].append(time.perf_counter() - started)


_RECORDING: ContextVar[StageTimes | None] = ContextVar("camseg_stage_times", default=None)
"""Whoever wants times sets it for a call; nothing outlives the call."""


@contextmanager
def record_stages() -> Iterator[StageTimes]:
    """Measure the stages of all inference inside, in this thread.

        with record_stages() as times:
            engine.infer(frame)
        times.seconds()["decoder"]

    On a GPU an engine launches every kernel by itself meanwhile instead of replaying its graphs, in which no stage
    begins or ends.
    """
    times = StageTimes()
    token = _RECORDING.set(times)
    try:
        yield times
    finally:
        _RECORDING.reset(token)


def is_recording() -> bool:
    """Whether ``record_stages`` is at work."""
    return _RECORDING.get() is not None


@contextmanager
def stage(name: str, device: torch.device) -> Iterator[None]:
    """What happens inside is the stage ``name``, one of STAGES, and runs on ``device``.

    An NVTX range on a GPU, which costs nothing measurable without a profiler, and one of torch's profiler on a CPU,
    which costs 4 µs; a measured pass inside ``record_stages``.
    """
    times = _RECORDING.get()
    with _named_range(name, device), nullcontext() if times is None else times.measure(name, device):
        yield


@contextmanager
def _named_range(name: str, device: torch.device) -> Iterator[None]:
    if device.type != "cuda":
        with record_function(name):
            yield
        return
    torch.cuda.nvtx.range_push(name)
    try:
        yield
    finally:
        torch.cuda.nvtx.range_pop()


def _seconds(passed: float | tuple[torch.cuda.Event, torch.cuda.Event]) -> float:
    if isinstance(passed, float):
        return passed
    begin, end = passed
    end.synchronize()
    return begin.elapsed_time(end) / 1e3
