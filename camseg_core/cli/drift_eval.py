"""``camseg drift eval``: how well a reference tells adverse frames from clear ones."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from camseg_core.data.sources import FrameSource
from camseg_core.data.sources.rendered_clip import RenderedClip
from camseg_core.data.sources.stored_clip import StoredClip
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.settings import DriftSettings
from camseg_core.drift.weather_estimators import FILE_NAME as WEATHER_ESTIMATORS
from camseg_core.drift.weather_estimators import WeatherEstimators
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.detection.baselines import DIRECTIONS
from camseg_core.evaluation.detection.evaluation import evaluate_detection
from camseg_core.evaluation.detection.figures import figures
from camseg_core.evaluation.detection.frame_runs import FrameRun, open_runs
from camseg_core.evaluation.detection.page import FRAME_COLUMNS, REPORT, percent, write_report
from camseg_core.evaluation.detection.scoring import FrameScorer
from camseg_core.evaluation.detection.sequences import CLEAR
from camseg_core.evaluation.detection.simulation import SIMULATED_KINDS, simulated_weathers
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.model_files import model_folder
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

DEMO = "demo"
"""What ``--drive`` calls the built-in clip."""


def finite_rate(value: float | None) -> float | None:
    """The value of --rate-hz, or a usage error: ``min`` of the option lets infinity through."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no rate; expected a finite number above 0.")
    return value


def evaluate(
    reference: Annotated[Path, typer.Option(help="Made by `camseg drift fit` on other clear frames of the camera.")],
    clear: Annotated[
        list[Path],
        typer.Option(metavar="FRAMES…", help="Clear frames: folders, rosbag2s, or .txt and .csv lists of images."),
    ],
    adverse: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FRAMES…", help="Frames of a named condition, such as fog=FOLDER rain=DRIVE.mcap."),
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write report.html, plots and frames.csv here.")] = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(metavar="[NAME=]REFERENCE…", help="Further references, to be put into the same table."),
    ] = None,
    simulate: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND…", help=f"Put weather into clear frames: {', '.join(SIMULATED_KINDS)}."),
    ] = None,
    drive: Annotated[
        list[str] | None,
        typer.Option(metavar="CLIP…", help=f"Clips with known weather: `{DEMO}`, or a folder with frames.jsonl."),
    ] = None,
    rate_hz: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            callback=finite_rate,
            help="Take the frames of each folder or list as a sequence of this rate: alarms, delays.",
        ),
    ] = None,
    expected_run_length_s: Annotated[
        float, typer.Option(help="Time between false alarms that the test over time is set to, seconds.")
    ] = DriftSettings.expected_run_length_s,
    topic: Annotated[str | None, typer.Option(help="The bags' camera topic; the only image topic by default.")] = None,
    segment: Annotated[
        bool, typer.Option(help="Segment every frame too: softmax entropy, denoising residual, drift's share of time.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Of simulated drops, of the demo clip and of the bootstrap.")] = 0,
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
) -> None:
    """How well a drift reference tells adverse frames from clear ones, beside simple image statistics.

    Options that take several values take them at once (--clear A B) or one by one (--clear A --clear B). A folder is
    images in the order of their names, or folders of them. A .txt list has an image a line; a .csv list has a column
    `file`, and perhaps `visibility_m`, measured in metres. Bags are sequences; other frames only with --rate-hz.
    """
    check_writable(json_path, None if report is None else report / REPORT)
    conditions = _parse_adverse(adverse or [], topic)
    compared = _parse_compared(compare or [])
    clear_runs = [run for path in clear for run in open_runs(path, topic)]
    for kind in simulate or []:
        simulated_weathers(kind)
    drives = {name: _open_drive(name, seed) for name in drive or []}
    network = load_model(model, resolve_device(device))
    digest = embedding_hash(model)
    estimators = model_folder(model) / WEATHER_ESTIMATORS
    scorer = FrameScorer(
        model=network,
        reference=DriftReference.load(reference, network.model_id, digest),
        estimators=WeatherEstimators.load(estimators, network.model_id, digest) if estimators.is_file() else None,
        settings=DriftSettings(expected_run_length_s=expected_run_length_s),
        compared={name: DriftReference.load(path, network.model_id, digest) for name, path in compared.items()},
        with_segmentation=segment,
        rate_hz=rate_hz,
    )
    evaluation = evaluate_detection(
        scorer,
        clear_runs,
        conditions,
        simulated=simulate or [],
        drives=drives,
        seed=seed,
    )
    content = figures(evaluation)
    counts = [f"{frames.name}: {len(frames.frames)} frames" for frames in evaluation.frame_sets()]
    content["provenance"] = asdict(Provenance.collect(seed=seed, data=", ".join(counts), models=[model]))
    _print(content)
    if json_path is not None:
        json_path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    if report is not None:
        typer.echo(f"{write_report(evaluation, content, report)}")


def _parse_adverse(values: list[str], topic: str | None) -> dict[str, list[FrameRun]]:
    """Runs of each condition, several values of one name together."""
    conditions: dict[str, list[FrameRun]] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise ConfigurationError(f"--adverse {value!r}; expected NAME=FRAMES, such as fog=frames/foggy")
        if name == CLEAR:
            raise ConfigurationError(
                f"--adverse {value!r} calls a condition {CLEAR!r}; expected clear frames in --clear"
            )
        conditions.setdefault(name, []).extend(open_runs(Path(path), topic))
    return conditions


def _parse_compared(values: list[str]) -> dict[str, Path]:
    """Path of each further reference by its name in the table, where no other score or statistic may have the same."""
    taken = dict.fromkeys(DIRECTIONS, "a statistic") | dict.fromkeys(FRAME_COLUMNS, "a column of frames.csv")
    compared: dict[str, Path] = {}
    for value in values:
        before, equals, after = value.partition("=")
        name, path = (before, Path(after)) if equals else (Path(value).stem, Path(value))
        if name in compared or name in taken:
            owner = taken.get(name) or str(compared[name])
            raise ConfigurationError(
                f"--compare {value!r} is called {name!r}, as {owner} is; expected a name of its own in [NAME=]REFERENCE"
            )
        compared[name] = path
    return compared


def _open_drive(name: str, seed: int) -> FrameSource:
    return RenderedClip(seed=seed) if name == DEMO else StoredClip(Path(name))


def _print(content: dict) -> None:
    clear = content["clear"]
    typer.echo(
        f"{clear['frames']} clear frames: {percent(clear['fpr'])} at or above WARN of {content['score']} "
        f"({content['warn_threshold']:.3f})"
    )
    if "hours" in clear:
        typer.echo(f"  {clear['false_alarms']} false alarms in {clear['hours']:.2f} h")
    for name, condition in content["conditions"].items():
        typer.echo(f"{name}, {condition['frames']} frames: TPR {percent(condition['tpr'])} at WARN")
        own = {f"{content['score']} (drift)": {key: condition[key] for key in ("auroc", "aupr", "fpr95")}}
        for method, metrics in (own | condition["methods"]).items():
            typer.echo(
                f"  {method:34} AUROC {metrics['auroc']:.4f}  AUPR {metrics['aupr']:.4f}  "
                f"FPR at 95 % TPR {percent(metrics['fpr95'])}"
            )
        if condition.get("delay_s") is not None:
            typer.echo(
                f"  found in {condition['sequences_found']} of {len(condition['sequences'])} sequences, after a median "
                f"of {condition['delay_frames']:g} frames ({condition['delay_s']:.2f} s)"
            )
    for name, found in content["simulated"].items():
        visibility = ""
        if "visibility_error" in found:
            visibility = (
                f"; visibility, estimated on {percent(found['visibility_share'])}: Spearman "
                f"{_number(found['visibility_spearman'])}, median error {percent(found['visibility_error'])}"
            )
        typer.echo(f"simulated {name}: Spearman {_number(found['spearman'])}{visibility}")
    for name, found in content["drives"].items():
        typer.echo(
            f"{name}: {found['adverse_segments_found']} of {found['adverse_segments']} adverse segments found, "
            f"{found['false_alarms']} alarms in clear ones"
        )
    cost = content["cost_ms"]
    share = cost["detector_share_of_segmentation"]
    beside = "" if share is None else f", {percent(share)} of the {cost['segmentation']:.0f} ms of segmentation"
    typer.echo(f"drift costs {cost['detector']:.2f} ms a frame (median; 95 % in {cost['detector_p95']:.2f} ms){beside}")


def _number(value: float | None) -> str:
    return f"{math.nan if value is None else value:.3f}"
