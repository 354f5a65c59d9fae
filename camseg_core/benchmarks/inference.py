"""Latency, throughput, stages, memory and the ratio to the floor of the engine as the node runs it."""

import time
from dataclasses import asdict, dataclass, replace

import torch
from tqdm import tqdm

from camseg_core.benchmarks.ceilings import Ceilings, measure_ceilings
from camseg_core.benchmarks.frames import RATE_HZ, CameraBuffers
from camseg_core.benchmarks.memory import Memory, memory_now
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.benchmarks.timing import Latency
from camseg_core.benchmarks.workload import Floor, Workload, count_workload, floor
from camseg_core.drift.settings import DriftSettings
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.model_files import model_folder
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.engine import SHIPPED_REFERENCE, InferenceEngine
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.settings import AUTO_REFERENCE, EngineSettings
from camseg_core.runtime.stages import STAGES, record_stages

MIN_WARMUP = 40
"""Frames of a camera before any counts; a camera without a shipped drift reference fits its own in the first 30."""


MAX_STAGE_CALLS = 100
"""Further calls in which stages are measured, at most: a GPU's are slow, without graphs."""


@dataclass(frozen=True)
class InferenceBenchmark:
    """What is measured.

    Attributes:
        engine: model, device, sampling, decoder.
        calls: timed calls of the engine.
        batch: cameras, whose frames are inferred at once.
        warmup: calls before, which do not count.
    """

    engine: EngineSettings
    calls: int = 200
    batch: int = 1
    warmup: int = MIN_WARMUP

    @property
    def stage_calls(self) -> int:
        """Calls in which stages are measured."""
        return min(self.calls, MAX_STAGE_CALLS)

    def __post_init__(self) -> None:
        for name, least in (("calls", 1), ("batch", 1), ("warmup", MIN_WARMUP)):
            if (value := getattr(self, name)) < least:
                raise ConfigurationError(f"{name} is {value}; expected {least} or more")


@dataclass(frozen=True)
class InferenceFigures:
    """What came out.

    Attributes:
        ready_after_s: seconds from nothing to an engine that waits for frames: weights read, kernels chosen and, if
            asked for, compiled or captured.
        latency: of a call, from the bytes of the frames to masks and drift on the host.
        frames_per_s: over all timed calls.
        stage_ms: mean of each stage in a call, milliseconds, from further calls; stages that do not occur are absent.
        memory: at the end.
        memory_growth: bytes, of main memory and of the GPU, from the first timed call to the last.
        workload, ceilings, floor: of a call.
        ratio_to_floor: latency's median over the floor.
    """

    ready_after_s: float
    latency: Latency
    frames_per_s: float
    stage_ms: dict[str, float]
    memory: Memory
    memory_growth: tuple[int, int]
    workload: Workload
    ceilings: Ceilings
    floor: Floor
    ratio_to_floor: float


def benchmark_engine(settings: EngineSettings) -> InferenceEngine:
    """An engine for measuring: a model without a drift reference of its own fits one while it warms up."""
    if not settings.drift_reference and not (model_folder(settings.model) / SHIPPED_REFERENCE).is_file():
        drift = DriftSettings(collect_s=MIN_WARMUP * 0.75 / RATE_HZ)
        settings = replace(settings, drift_reference=AUTO_REFERENCE, drift=drift)
    return InferenceEngine(settings)


def measure_inference(benchmark: InferenceBenchmark, buffers: CameraBuffers) -> InferenceFigures:
    """Run the engine on the frames in turn, with a progress bar."""
    settings = benchmark.engine
    started = time.perf_counter()
    engine = benchmark_engine(settings)
    ready_after_s = time.perf_counter() - started
    cameras = [f"camera_{number}" for number in range(benchmark.batch)]

    def call(number: int) -> None:
        engine.infer_batch([buffers.frame(number, camera) for camera in cameras])

    total = benchmark.warmup + benchmark.calls + benchmark.stage_calls
    numbers = iter(range(total))
    with tqdm(total=total, desc="inference", unit="call") as progress:
        for _ in range(benchmark.warmup):
            call(next(numbers))
            progress.update()
        before = memory_now(engine.device)
        seconds = []
        begun = time.perf_counter()
        for _ in range(benchmark.calls):
            started = time.perf_counter()
            call(next(numbers))
            seconds.append(time.perf_counter() - started)
            progress.update()
        elapsed = time.perf_counter() - begun
        after = memory_now(engine.device)
        with record_stages() as times:
            for _ in range(benchmark.stage_calls):
                call(next(numbers))
                progress.update()
        passes = times.seconds()
    device = engine.device
    engine.close()

    dtype = torch.bfloat16 if supports_bfloat16(device) else torch.float32
    ceilings = measure_ceilings(device, dtype)
    model = load_model(settings.model, device, settings.decoder)
    sampling = SamplingSettings(settings.steps, settings.sampler, settings.seed)
    workload = count_workload(model, sampling, benchmark.batch, dtype.itemsize)
    least = floor(workload, ceilings)
    latency = Latency.of(seconds)
    return InferenceFigures(
        ready_after_s=ready_after_s,
        latency=latency,
        frames_per_s=benchmark.calls * benchmark.batch / elapsed,
        stage_ms={name: 1e3 * sum(passes[name]) / benchmark.stage_calls for name in STAGES if passes.get(name)},
        memory=after,
        memory_growth=(after.resident - before.resident, after.device - before.device),
        workload=workload,
        ceilings=ceilings,
        floor=least,
        ratio_to_floor=latency.p50_ms / least.ms,
    )


def inference_record(
    benchmark: InferenceBenchmark, buffers: CameraBuffers, figures: InferenceFigures, provenance: Provenance
) -> BenchmarkRecord:
    """Tables of what ``measure_inference`` found."""
    settings = benchmark.engine
    device = resolve_device(settings.device)
    latency, memory, ceilings, workload = figures.latency, figures.memory, figures.ceilings, figures.workload
    size = f"{buffers.height_px}×{buffers.width_px}"
    cameras = "one camera" if benchmark.batch == 1 else f"{benchmark.batch} cameras at once"
    staged = sum(figures.stage_ms.values())
    stages = tuple((name, value, 100.0 * value / staged) for name, value in figures.stage_ms.items())
    mebibyte = 2.0**20
    apart = ""
    if device.type == "cuda":
        apart = ", whose kernels are launched one by one instead of as a graph, so that they add up to more than a call"
    return BenchmarkRecord(
        kind="inference",
        title=f"Inference: {describe(settings)}, {size}, {cameras}",
        summary=(
            f"From the bytes of a camera's frame to mask and drift on the host, {latency.calls} calls after "
            f"{benchmark.warmup} to warm up, one after the other. Stages are measured in {benchmark.stage_calls} "
            f"further calls{apart}. "
            "The floor is the longer of two: operations of matrix products, convolutions and attention, counted, over "
            "the faster of a matrix product and a convolution measured in the same run; each weight, image and mask "
            "moved once over the rate of a copy."
        ),
        tables=(
            Table(
                "Latency and throughput",
                ("p50, ms", "p95, ms", "p99, ms", "mean, ms", "frames/s", "ready after, s"),
                (
                    (
                        latency.p50_ms,
                        latency.p95_ms,
                        latency.p99_ms,
                        latency.mean_ms,
                        figures.frames_per_s,
                        figures.ready_after_s,
                    ),
                ),
                2,
            ),
            Table("Stages", ("stage", "ms a call", "% of all stages"), stages, 2),
            Table(
                "Floor",
                ("what", "counted", "measured ceiling", "floor, ms"),
                (
                    (
                        "arithmetic",
                        f"{workload.flop / 1e9:.2f} GFLOP",
                        f"{ceilings.flop_per_s / 1e9:.0f} GFLOP/s ({ceilings.dtype}; matrix product "
                        f"{ceilings.matmul_flop_per_s / 1e9:.0f}, convolution "
                        f"{ceilings.convolution_flop_per_s / 1e9:.0f})",
                        f"{figures.floor.arithmetic_ms:.2f}",
                    ),
                    (
                        "memory",
                        f"{workload.bytes / 1e6:.1f} MB",
                        f"{ceilings.copy_bytes_per_s / 1e9:.1f} GB/s",
                        f"{figures.floor.memory_ms:.2f}",
                    ),
                    ("p50 over floor", f"{figures.ratio_to_floor:.2f}", "", f"{figures.floor.ms:.2f}"),
                ),
            ),
            Table(
                "Memory, MiB",
                ("resident, peak", "resident, growth while timed", "GPU, peak", "GPU, growth while timed"),
                (
                    (
                        memory.resident_peak / mebibyte,
                        figures.memory_growth[0] / mebibyte,
                        memory.device_peak / mebibyte if device.type == "cuda" else float("nan"),
                        figures.memory_growth[1] / mebibyte if device.type == "cuda" else float("nan"),
                    ),
                ),
                1,
            ),
        ),
        figures={
            "device": device.type,
            "frame_size": [buffers.height_px, buffers.width_px],
            "batch": benchmark.batch,
            "model_id": model_facts(settings.model).model_id,
            "steps": settings.steps,
            "sampler": settings.sampler,
            "decoder": settings.decoder,
            "torch_compile": settings.torch_compile,
            "int8": settings.int8,
            **asdict(figures),
        },
        provenance=provenance,
    )


def describe(settings: EngineSettings) -> str:
    """Model, device, steps and decoder in words."""
    steps = "1 step" if settings.steps == 1 else f"{settings.steps} steps"
    where = "GPU" if resolve_device(settings.device).type == "cuda" else "CPU"
    how = ", torch.compile" if settings.torch_compile else ", int8" if settings.int8 else ""
    return f"{settings.model}, {where}, {steps} of {settings.sampler}, {settings.decoder} decoder{how}"
