"""``camseg bench node`` and ``camseg bench reliability``: what needs ROS."""

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from camseg_core.errors import ConfigurationError
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

_OWN_COST_MODULE = "camseg_ros.benchmarks.publish_own_cost"
_RELIABILITY_MODULE = "camseg_ros.benchmarks.publish_reliability"
_STAGE_MODULE = "camseg_ros.benchmarks.stage"
"""Loaded by their names, when asked for, because this package imports nothing of ROS."""

Model = Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Out = Annotated[Path, typer.Option(help="The page to write, without its ending; figures beside it as JSON.")]
DriftReference = Annotated[str, typer.Option(help="As the node's parameter: a file, empty for the model's own, auto.")]


def node(
    out: Out,
    frames: Annotated[int, typer.Option(min=1, help="Frames of each image size.")] = 200,
    all_outputs: Annotated[
        bool, typer.Option("--all-outputs", help="Subscribe to every output instead of mask and drift.")
    ] = False,
    model: Model = EngineSettings.model,
    device: Device = EngineSettings.device,
    drift_reference: DriftReference = EngineSettings.drift_reference,
) -> None:
    """Measure what a frame costs the node beside the model: receiving, converting, publishing; exit code 1 over an aim.

    Real processes over real DDS, images of 480×640 and 1080×1920, one at a time. Needs ROS 2 and the built camseg_ros.
    """
    _check_writable(out)
    under_test = _load(_STAGE_MODULE).NodeUnderTest(model, device, drift_reference=drift_reference)
    files, meets_its_aims = _load(_OWN_COST_MODULE).publish(under_test, frames, all_outputs, out)
    typer.echo(" ".join(map(str, files)))
    if not meets_its_aims:
        raise typer.Exit(1)


def reliability(
    out: Out,
    duration: Annotated[float, typer.Option(min=1.0, help="Of three cameras of 1080×1920 at 30 Hz, seconds.")] = 300.0,
    frames: Annotated[int, typer.Option(min=10, help="Frames over which memory must not grow.")] = 20_000,
    messages: Annotated[int, typer.Option(min=2, help="Damaged images, half of them compressed.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of what is damaged.")] = 0,
    model: Model = EngineSettings.model,
    device: Device = EngineSettings.device,
    drift_reference: DriftReference = EngineSettings.drift_reference,
) -> None:
    """Put the node under load, damaged images and kills; exit code 1 where it breaks a promise.

    Three cameras at once; memory over many frames; damaged images, after which a good frame must be answered within a
    second; kill -9 of the camera and of the node. Needs ROS 2 and the built camseg_ros; a quarter of an hour.
    """
    _check_writable(out)
    under_test = _load(_STAGE_MODULE).NodeUnderTest(model, device, drift_reference=drift_reference)
    module = _load(_RELIABILITY_MODULE)
    files, broken = module.publish(under_test, module.ReliabilityOptions(duration, frames, messages, seed), out)
    typer.echo(" ".join(map(str, files)))
    if broken:
        typer.echo(f"broken promises: {', '.join(broken)}", err=True)
        raise typer.Exit(1)


def _check_writable(out: Path) -> None:
    """Of both files that are published; raises ConfigurationError."""
    check_writable(*(out.with_name(f"{out.name}.{ending}") for ending in ("md", "json")))


def _load(module: str) -> ModuleType:
    if importlib.util.find_spec("rclpy") is None or importlib.util.find_spec("camseg_ros") is None:
        raise ConfigurationError("this needs ROS 2 and the built camseg_ros; expected both on Python's path")
    return importlib.import_module(module)
