"""``camseg replay``: what model and drift detector make of recorded drives."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from camseg_core.errors import ConfigurationError
from camseg_core.replay.inference import infer_images
from camseg_core.replay.replay import Replay, bag_name
from camseg_core.replay.results import REPORT
from camseg_core.replay.settings import ReplaySettings
from camseg_core.replay.summary import ReplaySummary
from camseg_core.runtime.engine import EngineSettings, InferenceEngine

_DEFAULT = ReplaySettings()

Bags = Annotated[list[Path], typer.Argument(metavar="BAG", help="rosbag2 folders or files, mcap or sqlite3.")]
Out = Annotated[Path, typer.Option(help="Folder for the results; each bag gets a folder of its own name in it.")]
CameraTopic = Annotated[
    list[str] | None, typer.Option(help="A camera's images; may be repeated. All topics with images if not given.")
]
LabelTopic = Annotated[
    list[str] | None,
    typer.Option(
        help="True labels, mono8 class ids with the stamps of the frames: TOPIC, or CAMERA_TOPIC=TOPIC where there are "
        "several cameras. May be repeated."
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Folder of true labels, PNGs of class ids named by stamp in nanoseconds, or one for each frame in order "
        "of name; with several cameras a folder for each in it."
    ),
]
Model = Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Steps = Annotated[int, typer.Option(min=1, help="Diffusion steps a frame.")]
Sampler = Annotated[str, typer.Option(help="Diffusion sampler: ddim, ddpm, dpmsolver++ or unipc.")]
Seed = Annotated[int, typer.Option(help="Of the diffusion noise; the same seed and frame give the same mask.")]
DriftReference = Annotated[str, typer.Option(help="Drift reference, .safetensors; empty: the model's own.")]
Storage = Annotated[str, typer.Option(help="Storage of the bag written: mcap or sqlite3.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results instead of keeping them.")]


def replay(
    bags: Bags,
    out: Out,
    camera_topic: CameraTopic = None,
    label_topic: LabelTopic = None,
    labels: Labels = None,
    model: Model = EngineSettings.model,
    device: Device = EngineSettings.device,
    steps: Steps = EngineSettings.steps,
    sampler: Sampler = EngineSettings.sampler,
    seed: Seed = EngineSettings.seed,
    drift_reference: DriftReference = EngineSettings.drift_reference,
    storage: Storage = _DEFAULT.storage,
    overwrite: Overwrite = False,
) -> None:
    """Run every frame of recorded drives through model and drift detector; needs no ROS.

    Into OUT/NAME go: outputs/, a bag of masks and drift on the node's topics with the camera's stamps; frames.parquet,
    one row a frame; summary.json; and report.html. After a kill the same command goes on where it was.
    """
    settings = ReplaySettings(
        engine=EngineSettings(
            model=model, device=device, steps=steps, sampler=sampler, seed=seed, drift_reference=drift_reference
        ),
        camera_topics=tuple(camera_topic or ()),
        label_topics=tuple(label_topic or ()),
        labels=labels,
        storage=storage,
    )
    # Whatever can be wrong with the bags is said before the model is loaded and hours are spent on the first one.
    replays = open_replays(bags, out, settings)
    engine = InferenceEngine(settings.engine)
    for one in replays:
        if overwrite:
            one.discard()
        summary = one.run(partial(infer_images, engine), engine.label_set, str(engine.device))
        tell(one, summary)


def open_replays(bags: list[Path], out: Path, settings: ReplaySettings) -> list[Replay]:
    """The replays of all bags; raises ConfigurationError where two would have the same results."""
    names = Counter(bag_name(bag) for bag in bags)
    if same := [name for name, times in names.items() if times > 1]:
        raise ConfigurationError(f"{names[same[0]]} bags are called {same[0]!r}; expected another --out for each")
    return [Replay(bag, out, settings) for bag in bags]


def tell(one: Replay, summary: ReplaySummary | None) -> None:
    """Says on the terminal what came out."""
    if summary is None:
        typer.echo(f"{one.folder / REPORT}: there already, nothing to do")
        return
    for camera in summary.cameras:
        segments = camera.drift.segments
        longest = max((segment.duration_s for segment in segments), default=0.0)
        miou = "" if camera.segmentation is None else f", mean IoU {camera.segmentation.miou:.4f}"
        typer.echo(
            f"{camera.name} ({camera.topic}): {camera.frames} frames, {100 * camera.drift.alarm_share:.1f} % in WARN "
            f"or ERROR, {len(segments)} drift segments, the longest {longest:.1f} s{miou}"
        )
    typer.echo(str(one.folder / REPORT))
