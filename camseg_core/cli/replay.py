"""``camseg replay``: what model and drift detector make of recorded drives."""

import importlib
import importlib.util
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from camseg_core.cli import bench_options
from camseg_core.errors import ConfigurationError
from camseg_core.model_files import label_set_of
from camseg_core.replay.inference import infer_images
from camseg_core.replay.output_bag import DEFAULT_OUTPUTS
from camseg_core.replay.replay import Infer, Replay, bag_name
from camseg_core.replay.results import REPORT
from camseg_core.replay.settings import Playback, ReplaySettings
from camseg_core.replay.summary import ReplaySummary
from camseg_core.replay.topics import OUTPUT_TYPES
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings

_DEFAULT = ReplaySettings()
_LIVE_MODULE = "camseg_ros.replay.live"
"""Loaded by its name, when asked for, because this package imports nothing of ROS."""

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
Output = Annotated[
    list[str] | None,
    typer.Option(
        "--outputs",
        help=f"An output that the bag written holds beside {', '.join(DEFAULT_OUTPUTS)}; may be repeated: "
        f"{', '.join(name for name in OUTPUT_TYPES if name not in DEFAULT_OUTPUTS)}.",
    ),
]
Live = Annotated[bool, typer.Option("--live", help="Play the bag to camseg_node instead; needs ROS 2.")]
Rate = Annotated[float, typer.Option(help="With --live: multiple of the speed of the recording.")]
Loop = Annotated[
    bool, typer.Option("--loop", help="With --live: play again and again until Ctrl-C; the first pass is evaluated.")
]
ClockRate = Annotated[
    float, typer.Option("--clock", help="With --live: how often to publish /clock, Hz; 0: the node takes system time.")
]
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
    decoder: bench_options.Decoder = EngineSettings.decoder,
    int8: bench_options.Int8 = EngineSettings.int8,
    drift_reference: DriftReference = EngineSettings.drift_reference,
    storage: Storage = _DEFAULT.storage,
    outputs: Output = None,
    overwrite: Overwrite = False,
    live: Live = False,
    rate: Rate = Playback.rate,
    loop: Loop = Playback.loop,
    clock: ClockRate = Playback.clock_hz,
) -> None:
    """Run every frame of recorded drives through model and drift detector; needs no ROS but for --live.

    Into OUT/NAME go: outputs/, a bag of masks and drift on the node's topics with the camera's stamps; frames.parquet,
    one row a frame; summary.json; and report.html. After a kill the same command goes on where it was.
    """
    settings = ReplaySettings(
        engine=EngineSettings(
            model=model,
            device=device,
            steps=steps,
            sampler=sampler,
            seed=seed,
            decoder=decoder,
            int8=int8,
            drift_reference=drift_reference,
        ),
        camera_topics=tuple(camera_topic or ()),
        label_topics=tuple(label_topic or ()),
        labels=labels,
        storage=storage,
        outputs=(*DEFAULT_OUTPUTS, *(outputs or ())),
    )
    playback = Playback(rate, loop, clock)
    if not live and playback != Playback():
        raise ConfigurationError("rate, loop or clock is given without --live; expected it too")
    # Whatever can be wrong with the bags is said before the model is loaded and hours are spent on the first one.
    replays = _open_replays(bags, out, settings)
    if overwrite:
        for one in replays:
            one.check_discard()
    infer: Infer
    more_settings: dict[str, Any] = {}
    if live:
        infer, label_set = _through_node(settings, playback), label_set_of(settings.engine.model)
        more_settings = {"live": True, **vars(playback)}
        if overwrite:
            InferenceEngine(settings.engine).close()  # finds what the node would find only when it starts
    else:
        engine = InferenceEngine(settings.engine)
        infer = partial(infer_images, engine, with_confidence=settings.wants_confidence)
        label_set, device = engine.label_set, str(engine.device)
    # Not earlier: an option that cannot be followed costs no results.
    if overwrite:
        for one in replays:
            one.discard()
    for one in replays:
        if live:
            one.discard_unfinished()  # frames that a node dropped cannot be had later
        _tell(one, one.run(infer, label_set, device, **more_settings))


def _through_node(settings: ReplaySettings, playback: Playback) -> Infer:
    if importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("camseg_ros") is None:
        raise ConfigurationError("--live needs ROS 2 and the built camseg_ros; expected both on Python's path")
    return importlib.import_module(_LIVE_MODULE).LiveInference(
        settings.engine, playback, with_confidence=settings.wants_confidence
    )


def _open_replays(bags: list[Path], out: Path, settings: ReplaySettings) -> list[Replay]:
    names = Counter(bag_name(bag) for bag in bags)
    if same := [name for name, times in names.items() if times > 1]:
        raise ConfigurationError(f"{names[same[0]]} bags are called {same[0]!r}; expected another --out for each")
    return [Replay(bag, out, settings) for bag in bags]


def _tell(one: Replay, summary: ReplaySummary | None) -> None:
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
