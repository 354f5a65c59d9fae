"""``camseg bench cameras``."""

from typing import Annotated

import typer

from camseg_core.benchmarks.cameras import CamerasBenchmark, cameras_record, measure_cameras
from camseg_core.cli import bench_options as options
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def cameras(
    device: options.Device = EngineSettings.device,
    model: options.Model = EngineSettings.model,
    size: options.Size = None,
    steps: options.Steps = EngineSettings.steps,
    sampler: options.Sampler = EngineSettings.sampler,
    decoder: options.Decoder = EngineSettings.decoder,
    torch_compile: options.TorchCompile = EngineSettings.torch_compile,
    int8: options.Int8 = EngineSettings.int8,
    frames: options.Frames = CamerasBenchmark.frames,
    count: Annotated[int, typer.Option("--cameras", min=2, help="How many.")] = CamerasBenchmark.cameras,
    images: options.Images = None,
    seed: options.Seed = EngineSettings.seed,
    json_path: options.Json = None,
    report: options.Report = None,
) -> None:
    """Throughput of several cameras in one call against a call for each."""
    check_writable(json_path, report)
    settings = EngineSettings(
        model, device, steps, sampler, seed, decoder=decoder, torch_compile=torch_compile, int8=int8, max_batch=count
    )
    benchmark = CamerasBenchmark(settings, count, frames)
    buffers = options.open_buffers(model, size, images, seed)
    figures = measure_cameras(benchmark, buffers)
    provenance = options.provenance(settings, buffers)
    options.publish(cameras_record(benchmark, buffers, figures, provenance), json_path, report)
