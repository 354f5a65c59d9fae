"""``camseg bench overlap``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.benchmarks.overlap import OverlapBenchmark, measure_overlap, overlap_record
from camseg_core.cli import bench_options as options
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def overlap(
    device: options.Device = EngineSettings.device,
    model: options.Model = EngineSettings.model,
    size: options.Size = None,
    steps: options.Steps = EngineSettings.steps,
    sampler: options.Sampler = EngineSettings.sampler,
    decoder: options.Decoder = EngineSettings.decoder,
    torch_compile: options.TorchCompile = EngineSettings.torch_compile,
    int8: options.Int8 = EngineSettings.int8,
    frames: options.Frames = OverlapBenchmark.frames,
    trace: Annotated[
        Path, typer.Option(help="Profiler trace to write, for chrome://tracing or ui.perfetto.dev.")
    ] = Path("out/overlap_trace.json"),
    images: options.Images = None,
    seed: options.Seed = EngineSettings.seed,
    json_path: options.Json = None,
    report: options.Report = None,
) -> None:
    """Throughput with frames handed over ahead against one after the other, and a trace that shows the streams."""
    check_writable(json_path, report, trace)
    settings = EngineSettings(
        model, device, steps, sampler, seed, decoder=decoder, torch_compile=torch_compile, int8=int8
    )
    benchmark = OverlapBenchmark(settings, frames)
    buffers = options.open_buffers(model, size, images, seed)
    figures = measure_overlap(benchmark, buffers, trace)
    provenance = options.provenance(settings, buffers)
    options.publish(overlap_record(benchmark, buffers, figures, provenance), json_path, report)
