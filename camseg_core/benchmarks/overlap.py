"""Whether frames overlap on the device: one uploads while another computes and a third downloads."""

import json
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from torch.profiler import ProfilerActivity, _ExperimentalConfig, profile
from tqdm import tqdm

from camseg_core.benchmarks.frames import CameraBuffers
from camseg_core.benchmarks.inference import MIN_WARMUP, benchmark_engine, describe
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.frames import Frame
from camseg_core.runtime.device import resolve_device, wait_for
from camseg_core.runtime.settings import EngineSettings

AHEAD = 2
"""Frames in flight beside the one whose result is waited for: one on its way up, one being computed."""

TRACED = 12
"""Frames in the profiler's trace."""

_ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")


class Engine(Protocol):
    """What of an engine is measured."""

    def submit(self, frames: Sequence[Frame]) -> Any:
        """Hand frames over; returns a handle at once where the device works by itself."""

    def result(self, handle: Any) -> Any:
        """Wait for the results of a handle."""


@dataclass(frozen=True)
class OverlapBenchmark:
    """What is measured.

    Attributes:
        engine: model, device, sampling, decoder.
        frames: that are timed in either way.
        rounds: how often the two ways take turns; the rates are those of all rounds together.
    """

    engine: EngineSettings
    frames: int = 200
    rounds: int = 4

    def __post_init__(self) -> None:
        for name in ("frames", "rounds"):
            if (value := getattr(self, name)) < 1:
                raise ConfigurationError(f"{name} is {value}; expected 1 or more")


@dataclass(frozen=True)
class StreamActivity:
    """What a device's streams did in a trace.

    Attributes:
        busy_ms: of each stream, by name, how long something ran in it.
        any_ms: how long something ran in any.
        overlap_ms: how long something ran in two or more at once.
    """

    busy_ms: dict[str, float]
    any_ms: float
    overlap_ms: float


@dataclass(frozen=True)
class OverlapFigures:
    """What came out.

    Attributes:
        serial_frames_per_s: each frame handed over after the result of the one before.
        pipelined_frames_per_s: AHEAD frames handed over before the result of the first is waited for.
        ratio: pipelined over serial.
        activity: of the streams while frames were pipelined; without streams where there is no GPU.
    """

    serial_frames_per_s: float
    pipelined_frames_per_s: float
    ratio: float
    activity: StreamActivity


def run_serially(engine: Engine, frames: Iterable[Frame]) -> int:
    """Each frame after the result of the one before; returns their number."""
    count = 0
    for frame in frames:
        engine.result(engine.submit([frame]))
        count += 1
    return count


def run_pipelined(engine: Engine, frames: Iterable[Frame]) -> int:
    """Up to AHEAD frames handed over beside the one that is waited for, results in order; returns their number."""
    handles: deque[Any] = deque()
    count = 0
    for frame in frames:
        handles.append(engine.submit([frame]))
        if len(handles) > AHEAD:
            engine.result(handles.popleft())
            count += 1
    while handles:
        engine.result(handles.popleft())
        count += 1
    return count


def measure_overlap(benchmark: OverlapBenchmark, buffers: CameraBuffers, trace: Path) -> OverlapFigures:
    """Time both ways in turns, with a progress bar, and write a chrome trace of the second."""
    engine = benchmark_engine(benchmark.engine)
    seconds = {run_serially: 0.0, run_pipelined: 0.0}
    count = dict.fromkeys(seconds, 0)
    a_round = -(-benchmark.frames // benchmark.rounds)
    number = 0

    def frames(count: int) -> Iterable[Frame]:
        nonlocal number
        for _ in range(count):
            yield buffers.frame(number)
            number += 1
            progress.update()

    total = MIN_WARMUP + 2 * a_round * benchmark.rounds + TRACED
    with tqdm(total=total, desc="overlap", unit="frame") as progress:
        run_pipelined(engine, frames(MIN_WARMUP))
        for _ in range(benchmark.rounds):
            for way in seconds:
                started = time.perf_counter()
                count[way] += way(engine, frames(a_round))
                seconds[way] += time.perf_counter() - started
        cuda = engine.device.type == "cuda"
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
        # The engine infers in a thread of its own, of which a profiler of this one alone would show nothing.
        every_thread = _ExperimentalConfig(profile_all_threads=True)
        with profile(activities=activities, experimental_config=every_thread) as profiler:
            run_pipelined(engine, frames(TRACED))
            wait_for(engine.device)
    engine.close()
    trace.parent.mkdir(parents=True, exist_ok=True)
    profiler.export_chrome_trace(str(trace))
    serial, pipelined = (count[way] / seconds[way] for way in seconds)
    activity = stream_activity(json.loads(trace.read_text(encoding="utf-8"))["traceEvents"])
    return OverlapFigures(serial, pipelined, pipelined / serial, activity)


def stream_activity(events: Iterable[Mapping[str, Any]]) -> StreamActivity:
    """Of the events of a chrome trace as torch's profiler writes it: what runs on a GPU names its stream."""
    busy: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        if event.get("cat") in _ON_DEVICE:
            begin = float(event["ts"])
            busy.setdefault(str(event["args"]["stream"]), []).append((begin, begin + float(event["dur"])))
    unions = {stream: _union(intervals) for stream, intervals in sorted(busy.items())}
    lengths = {stream: sum(end - begin for begin, end in union) / 1e3 for stream, union in unions.items()}
    # Within a stream nothing overlaps any more, so that the depth of all unions together is the number of streams.
    edges = sorted(edge for union in unions.values() for begin, end in union for edge in ((begin, 1), (end, -1)))
    at_least = {1: 0.0, 2: 0.0}
    depth, before = 0, 0.0
    for moment, step in edges:
        for least in at_least:
            at_least[least] += (moment - before) if depth >= least else 0.0
        depth, before = depth + step, moment
    return StreamActivity(lengths, at_least[1] / 1e3, at_least[2] / 1e3)


def _union(intervals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def overlap_record(
    benchmark: OverlapBenchmark, buffers: CameraBuffers, figures: OverlapFigures, provenance: Provenance
) -> BenchmarkRecord:
    """Tables of what ``measure_overlap`` found."""
    settings = benchmark.engine
    device = resolve_device(settings.device)
    activity = figures.activity
    tables = [
        Table(
            "",
            ("serial, frames/s", "pipelined, frames/s", "ratio"),
            ((figures.serial_frames_per_s, figures.pipelined_frames_per_s, figures.ratio),),
            2,
        )
    ]
    if activity.busy_ms:
        rows = [(f"stream {stream}", busy) for stream, busy in activity.busy_ms.items()]
        rows += [("any stream", activity.any_ms), ("two or more at once", activity.overlap_ms)]
        tables.append(Table(f"Streams over {TRACED} pipelined frames", ("what", "ms"), tuple(rows), 2))
        note = "The trace says in which stream everything ran."
    else:
        note = "There is no GPU here and nothing to overlap with: a ratio near 1 is what is expected."
    return BenchmarkRecord(
        kind="overlap",
        title=f"Overlap: {describe(settings)}",
        summary=(
            "Serial: each frame handed over after the result of the one before. Pipelined: "
            f"{AHEAD} frames handed over before the first result is waited for. {benchmark.frames} frames of "
            f"{buffers.height_px}×{buffers.width_px} each, in {benchmark.rounds} turns. {note}"
        ),
        tables=tuple(tables),
        figures={
            "device": device.type,
            "model_id": model_facts(settings.model).model_id,
            "decoder": settings.decoder,
            **asdict(figures),
        },
        provenance=provenance,
    )
