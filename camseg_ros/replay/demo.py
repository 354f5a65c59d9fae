"""camseg_demo: a drive through the real node, every process its own, and a report of what came out."""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tqdm import tqdm

from camseg_core.data.sources.rendered_clip import RenderedClip
from camseg_core.data.sources.stored_clip import StoredClip
from camseg_core.errors import ConfigurationError
from camseg_core.model_files import label_set_of
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.parameters import check_parameters
from camseg_ros.replay.assessment import Assessment
from camseg_ros.replay.command import run_command
from camseg_ros.replay.options import DemoOptions
from camseg_ros.replay.player import DEFAULT_RATE_HZ
from camseg_ros.replay.recording import Recording
from camseg_ros.replay.session import run_session
from camseg_ros.replay.surroundings import asked_domain
from camseg_ros.replay.terminal import print_summary

_NODE = EngineSettings()

DRIFT_RUN_LENGTH_S = 300.0


def run(
    images: Annotated[Path | None, typer.Option(help="Folder of frames to play, PNG or JPEG.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of their labels: PNGs of the model's class ids, same names.")
    ] = None,
    bag: Annotated[Path | None, typer.Option(help="rosbag2 folder or file to play, mcap or sqlite3.")] = None,
    topic: Annotated[str | None, typer.Option(help="The bag's camera topic; needed where it has several.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for video, report and metrics.")] = Path("out/demo"),
    rate: Annotated[float, typer.Option(help="Frames a second.")] = DEFAULT_RATE_HZ,
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model's folder.")] = _NODE.model,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = _NODE.device,
    steps: Annotated[int, typer.Option(help="Diffusion steps a frame.")] = _NODE.steps,
    seed: Annotated[int, typer.Option(min=0, help="Of the built-in clip and of the diffusion noise.")] = _NODE.seed,
    drift_reference: Annotated[str, typer.Option(help="Drift reference, .safetensors; empty: the model's own.")] = "",
    drift_run_length: Annotated[
        float,
        typer.Option(
            help="Mean time between false drift alarms, seconds; short, as a demo is. The node's own is an hour."
        ),
    ] = DRIFT_RUN_LENGTH_S,
) -> None:
    """Plays frames through camseg_node and writes a video, a report and metrics; with no option, the built-in clip."""
    options = DemoOptions(
        images=images,
        labels=labels,
        bag=bag,
        topic=topic,
        rate_hz=rate,
        seed=seed,
        model=model,
        device=device,
        steps=steps,
        drift_reference=drift_reference,
        drift_run_length_s=drift_run_length,
    )
    # Without wrapping, so that the command to watch can be copied, and without markup, as paths may have brackets.
    tell = Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print
    source = options.open_source()
    recording = Recording(out / "recording")
    _check_nothing_is_lost(options, recording)
    # What the node would refuse is told now: not after minutes of rendering, and with the last recording still there.
    check_parameters(options.node_parameters())
    asked_domain()
    from camseg_core.runtime.device import resolve_device  # loads torch, for seconds: last of what can be refused

    resolve_device(options.device)
    tell(f"{len(source)} frames of {options.describe_source()} at {rate:g} Hz")
    start = datetime.now(UTC)
    recording.create()
    played = options
    if isinstance(source, RenderedClip):
        # Beforehand, because rendering beside the node would take the processor from it.
        frames = tqdm(source, desc="rendering", unit="frame", file=sys.stderr)
        source = StoredClip.write(recording.folder / "clip", frames)
        played = replace(options, images=source.images)
    run_session(played, recording, tell)
    assessment = Assessment(recording, source, label_set_of(options.model), with_labels=options.labels_are_of_model())
    summary = assessment.write(out, options.setup(start))
    print_summary(summary, out)


def _check_nothing_is_lost(options: DemoOptions, recording: Recording) -> None:
    """Raises ConfigurationError where the recording's folder, which is emptied, holds what is played, or is others'."""
    emptied = recording.folder.resolve()
    for option, path in options.inputs().items():
        if path.resolve().is_relative_to(emptied):
            raise ConfigurationError(
                f"--{option} {path} lies in {recording.folder}, which is emptied before the demo records into it; "
                "expected it elsewhere, or another --out"
            )
    recording.check_replaceable()


def main() -> None:
    """Entry point of camseg_demo."""
    run_command("camseg_demo", run)


if __name__ == "__main__":
    main()
