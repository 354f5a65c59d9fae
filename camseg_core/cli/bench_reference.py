"""``camseg bench reference``."""

from typing import Annotated

import typer

from camseg_core.benchmarks.reference import ReferenceBenchmark, measure_reference, reference_record
from camseg_core.cli import bench_options as options
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def reference(
    device: options.Device = EngineSettings.device,
    model: options.Model = EngineSettings.model,
    size: options.Size = None,
    steps: options.Steps = EngineSettings.steps,
    sampler: options.Sampler = EngineSettings.sampler,
    decoder: options.Decoder = EngineSettings.decoder,
    torch_compile: options.TorchCompile = EngineSettings.torch_compile,
    int8: options.Int8 = EngineSettings.int8,
    frames: options.Frames = ReferenceBenchmark.frames,
    published_frames: Annotated[
        int, typer.Option(min=1, help="Frames of the published schedule that are timed.")
    ] = ReferenceBenchmark.published_frames,
    images: options.Images = None,
    seed: options.Seed = EngineSettings.seed,
    json_path: options.Json = None,
    report: options.Report = None,
) -> None:
    """Our pipeline beside a plain re-implementation of the published schedule, in one run."""
    check_writable(json_path, report)
    settings = EngineSettings(
        model, device, steps, sampler, seed, decoder=decoder, torch_compile=torch_compile, int8=int8
    )
    benchmark = ReferenceBenchmark(settings, frames, published_frames)
    buffers = options.open_buffers(model, size, images, seed)
    figures = measure_reference(benchmark, buffers)
    provenance = options.provenance(settings, buffers)
    options.publish(reference_record(benchmark, buffers, figures, provenance), json_path, report)
