"""Options that the commands of ``camseg bench`` share."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.benchmarks.frames import CameraBuffers, camera_buffers
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.cli.train import parse_size
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.models.settings import DECODERS
from camseg_core.runtime.settings import EngineSettings

Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Model = Annotated[str, typer.Option(help="Name of a shipped or pulled model, or a model folder.")]
Size = Annotated[
    str | None, typer.Option(help="Height×width of the camera's frames, such as 360x480; the model's own if not said.")
]
Steps = Annotated[int, typer.Option(min=1, help="Denoising steps.")]
Sampler = Annotated[str, typer.Option(help="Sampler: ddim, ddpm, dpmsolver++ or unipc.")]
Decoder = Annotated[str, typer.Option(help=f"What turns mask latents into classes: {' or '.join(DECODERS)}.")]
TorchCompile = Annotated[
    bool, typer.Option("--compile", help="Have torch.compile make the model's kernels; minutes at the start.")
]
Int8 = Annotated[
    bool,
    typer.Option("--int8", help="Have OpenVINO compute wide layers in int8, on a CPU: faster, nearly the same masks."),
]
Frames = Annotated[int, typer.Option(min=1, help="Calls that are timed.")]
Images = Annotated[Path | None, typer.Option(help="Folder of real frames; the built-in renderer's if not said.")]
Seed = Annotated[int, typer.Option(min=0, help="Of rendered frames and starting noise.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write figures, hardware, versions and date to this file.")]
Report = Annotated[Path | None, typer.Option(help="Write the tables to this Markdown file.")]


def open_buffers(model: str, size: str | None, images: Path | None, seed: int) -> CameraBuffers:
    """The frames that the options mean."""
    return camera_buffers(parse_size(size) if size else model_facts(model).input_size, images, seed)


def provenance(settings: EngineSettings, buffers: CameraBuffers) -> Provenance:
    """Of figures that an engine with these settings gave on these frames."""
    libraries = ["openvino"] if settings.int8 else []
    return Provenance.collect(
        seed=settings.seed, data=buffers.description, models=[settings.model], libraries=libraries
    )


def publish(record: BenchmarkRecord, json_path: Path | None, report: Path | None) -> None:
    """Print the record's tables and write the files asked for; ``check_writable`` comes before what is measured."""
    typer.echo(record.markdown())
    if json_path is not None:
        record.save(json_path)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(record.markdown(), encoding="utf-8")
