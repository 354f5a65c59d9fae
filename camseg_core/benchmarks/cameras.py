"""Several cameras at once against one after the other."""

import time
from dataclasses import asdict, dataclass

from tqdm import tqdm

from camseg_core.benchmarks.frames import CameraBuffers
from camseg_core.benchmarks.inference import MIN_WARMUP, benchmark_engine, describe
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings


@dataclass(frozen=True)
class CamerasBenchmark:
    """What is measured.

    Attributes:
        engine: model, device, sampling, decoder.
        cameras: how many.
        frames: of each camera that are timed in either way; the two take turns frame by frame.
    """

    engine: EngineSettings
    cameras: int = 3
    frames: int = 60

    def __post_init__(self) -> None:
        for name, least in (("cameras", 2), ("frames", 1)):
            if (value := getattr(self, name)) < least:
                raise ConfigurationError(f"{name} is {value}; expected {least} or more")


@dataclass(frozen=True)
class CamerasFigures:
    """What came out.

    Attributes:
        single_frames_per_s: a call for each camera's frame.
        batched_frames_per_s: a call for the frames of all cameras.
        ratio: batched over single.
    """

    single_frames_per_s: float
    batched_frames_per_s: float
    ratio: float


def measure_cameras(benchmark: CamerasBenchmark, buffers: CameraBuffers) -> CamerasFigures:
    """Time both ways in turns, with a progress bar."""
    engine = benchmark_engine(benchmark.engine)
    names = [f"camera_{number}" for number in range(benchmark.cameras)]
    single_s = batched_s = 0.0
    warmup = MIN_WARMUP // 2
    with tqdm(total=warmup + benchmark.frames, desc="cameras", unit="frame each") as progress:
        for number in range(warmup + benchmark.frames):
            started = time.perf_counter()
            for name in names:
                engine.infer(buffers.frame(2 * number, name))
            between = time.perf_counter()
            engine.infer_batch([buffers.frame(2 * number + 1, name) for name in names])
            ended = time.perf_counter()
            if number >= warmup:
                single_s += between - started
                batched_s += ended - between
            progress.update()
    engine.close()
    count = benchmark.cameras * benchmark.frames
    return CamerasFigures(count / single_s, count / batched_s, single_s / batched_s)


def cameras_record(
    benchmark: CamerasBenchmark, buffers: CameraBuffers, figures: CamerasFigures, provenance: Provenance
) -> BenchmarkRecord:
    """Tables of what ``measure_cameras`` found."""
    settings = benchmark.engine
    device = resolve_device(settings.device)
    return BenchmarkRecord(
        kind="cameras",
        title=f"{benchmark.cameras} cameras at once: {describe(settings)}, {buffers.height_px}×{buffers.width_px}",
        summary=(
            f"{benchmark.frames} frames of each of {benchmark.cameras} cameras, in one call or a call each, by turns."
        ),
        tables=(
            Table(
                "",
                ("a call each, frames/s", "one call for all, frames/s", "ratio"),
                ((figures.single_frames_per_s, figures.batched_frames_per_s, figures.ratio),),
                2,
            ),
        ),
        figures={
            "device": device.type,
            "model_id": model_facts(settings.model).model_id,
            "decoder": settings.decoder,
            "cameras": benchmark.cameras,
            **asdict(figures),
        },
        provenance=provenance,
    )
