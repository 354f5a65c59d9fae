"""``camseg bench inference``."""

from typing import Annotated

import typer

from camseg_core.benchmarks.inference import InferenceBenchmark, inference_record, measure_inference
from camseg_core.cli import bench_options as options
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def inference(
    device: options.Device = EngineSettings.device,
    model: options.Model = EngineSettings.model,
    size: options.Size = None,
    steps: options.Steps = EngineSettings.steps,
    sampler: options.Sampler = EngineSettings.sampler,
    decoder: options.Decoder = EngineSettings.decoder,
    torch_compile: options.TorchCompile = EngineSettings.torch_compile,
    int8: options.Int8 = EngineSettings.int8,
    frames: options.Frames = InferenceBenchmark.calls,
    batch: Annotated[int, typer.Option(min=1, help="Cameras whose frames are inferred at once.")] = (
        InferenceBenchmark.batch
    ),
    images: options.Images = None,
    seed: options.Seed = EngineSettings.seed,
    json_path: options.Json = None,
    report: options.Report = None,
) -> None:
    """Latency, throughput, stages, memory, and how far from the least time that this device allows."""
    check_writable(json_path, report)
    settings = EngineSettings(
        model, device, steps, sampler, seed, decoder=decoder, torch_compile=torch_compile, int8=int8, max_batch=batch
    )
    benchmark = InferenceBenchmark(settings, frames, batch)
    buffers = options.open_buffers(model, size, images, seed)
    figures = measure_inference(benchmark, buffers)
    provenance = options.provenance(settings, buffers)
    options.publish(inference_record(benchmark, buffers, figures, provenance), json_path, report)
