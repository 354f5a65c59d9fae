"""Our pipeline beside the published schedule: same device, same weights, same frames, one run."""

import time
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np
from tqdm import tqdm

from camseg_core.benchmarks.frames import CameraBuffers
from camseg_core.benchmarks.inference import MIN_WARMUP, benchmark_engine, describe
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.published_schedule import SAMPLER, STEPS, PublishedSchedule
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.benchmarks.timing import Latency
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.models.camseg.configuration import ARCHITECTURE
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings


@dataclass(frozen=True)
class ReferenceBenchmark:
    """What is compared.

    Attributes:
        engine: ours, with the model, the device and the seed of both.
        frames: of ours that are timed.
        published_frames: of the published schedule that are timed, fewer since each takes long; and of ours with its
            steps and sampler, whose masks must be the same.
    """

    engine: EngineSettings
    frames: int = 100
    published_frames: int = 5

    def __post_init__(self) -> None:
        for name in ("frames", "published_frames"):
            if (value := getattr(self, name)) < 1:
                raise ConfigurationError(f"{name} is {value}; expected 1 or more")


@dataclass(frozen=True)
class ReferenceFigures:
    """What came out.

    Attributes:
        ours, ours_in_its_steps, published: latency of a frame in our pipeline, in our pipeline with the published
            sampler, steps and full decoder, and in the published schedule.
        ratio: the published schedule's median over ours.
        agreement: share of pixels whose class is the same in the published schedule and in ours with its steps.
    """

    ours: Latency
    ours_in_its_steps: Latency
    published: Latency
    ratio: float
    agreement: float


def measure_reference(benchmark: ReferenceBenchmark, buffers: CameraBuffers) -> ReferenceFigures:
    """Time all three on the same frames, with a progress bar.

    Raises:
        ConfigurationError: the model is no CAM-Seg.
    """
    settings = benchmark.engine
    facts = model_facts(settings.model)
    if facts.architecture != ARCHITECTURE:
        raise ConfigurationError(f"model {settings.model!r} draws no masks; expected a CAM-Seg model")
    total = MIN_WARMUP + benchmark.frames + 2 * (1 + benchmark.published_frames)
    with tqdm(total=total, desc="reference", unit="frame") as progress:

        def ours(settings: EngineSettings, warmup: int, frames: int) -> tuple[list[float], list[np.ndarray]]:
            engine = benchmark_engine(settings)
            seconds, masks = [], []
            for number in range(warmup + frames):
                started = time.perf_counter()
                result = engine.infer(buffers.frame(number))
                seconds.append(time.perf_counter() - started)
                masks.append(result.labels)
                progress.update()
            engine.close()
            return seconds[warmup:], masks[warmup:]

        our_seconds, _ = ours(settings, MIN_WARMUP, benchmark.frames)
        # Not compiled: it is there to be compared with, mask by mask, and its decoder would take minutes.
        in_its_steps = replace(settings, steps=STEPS, sampler=SAMPLER, decoder="full", torch_compile=False, int8=False)
        step_seconds, step_masks = ours(in_its_steps, 1, benchmark.published_frames)
        # Not before: beside a thread that has computed something with torch, the engines' are slower (``HostRunner``).
        model = load_model(settings.model, resolve_device(settings.device))
        assert isinstance(model, CamSeg)
        published = PublishedSchedule(model, seed=settings.seed)
        seconds, equal = [], []
        for number in range(1 + benchmark.published_frames):
            started = time.perf_counter()
            mask = _published(published, buffers, number, facts.input_size)
            seconds.append(time.perf_counter() - started)
            if number:
                equal.append(float((mask == step_masks[number - 1]).mean()))
            progress.update()
    found = Latency.of(our_seconds), Latency.of(step_seconds), Latency.of(seconds[1:])
    return ReferenceFigures(*found, ratio=found[2].p50_ms / found[0].p50_ms, agreement=float(np.mean(equal)))


def _published(schedule: PublishedSchedule, buffers: CameraBuffers, number: int, size: tuple[int, int]) -> np.ndarray:
    """The published schedule's mask of a frame, at the frame's size."""
    image = buffers.frame(number).image
    if image.shape[:2] == size:
        return schedule.segment(image)
    labels = schedule.segment(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR))
    return cv2.resize(labels, image.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)


def reference_record(
    benchmark: ReferenceBenchmark, buffers: CameraBuffers, figures: ReferenceFigures, provenance: Provenance
) -> BenchmarkRecord:
    """Tables of what ``measure_reference`` found."""
    settings = benchmark.engine
    device = resolve_device(settings.device)
    rows = (
        (f"ours, {describe(settings)}", figures.ours),
        (f"ours, {STEPS} steps of {SAMPLER}, full decoder", figures.ours_in_its_steps),
        ("the published schedule", figures.published),
    )
    return BenchmarkRecord(
        kind="reference",
        title=f"Against the published schedule: {describe(settings)}",
        summary=(
            "The published schedule, re-implemented: every position through the diffusion head, the image's too, "
            f"{STEPS} steps of ancestral sampling, the full decoder, classes matched on the host. Same device, same "
            "weights, same precision, same frames; ours judges drift besides. Frames have "
            f"{buffers.height_px}×{buffers.width_px} pixels. Ours in as many steps gives the same class in "
            f"{100.0 * figures.agreement:.2f} % of all pixels."
        ),
        tables=(
            Table(
                "",
                ("pipeline", "frames", "p50, ms", "p95, ms", "times as long as ours"),
                tuple(
                    (name, latency.calls, latency.p50_ms, latency.p95_ms, latency.p50_ms / figures.ours.p50_ms)
                    for name, latency in rows
                ),
                1,
            ),
        ),
        figures={
            "device": device.type,
            "frame_size": [buffers.height_px, buffers.width_px],
            "model_id": model_facts(settings.model).model_id,
            "steps": settings.steps,
            "decoder": settings.decoder,
            "int8": settings.int8,
            **asdict(figures),
        },
        provenance=provenance,
    )
