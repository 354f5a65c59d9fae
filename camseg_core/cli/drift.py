"""``camseg drift``: references of clear driving."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from camseg_core.cli import drift_eval
from camseg_core.cli.several_values import SeveralValuesCommand
from camseg_core.data.sources import FrameSource
from camseg_core.data.sources.bag import BagSource
from camseg_core.data.sources.image_folder import ImageFolder
from camseg_core.drift.embedding import embed
from camseg_core.drift.fitting import fit_reference
from camseg_core.drift.reference import MIN_EFFECTIVE_FRAMES
from camseg_core.drift.scores import DEFAULT_SCORE, SCORES
from camseg_core.drift.weather_shift import SHIFT_FRAMES, weather_shift
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import image_latent
from camseg_core.runtime.resampling import resize
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

FOLDER_RATE_HZ = 10.0
"""Taken for the frames of a folder, which have no stamps."""

app = typer.Typer(no_args_is_help=True, help="References of clear driving.")


@app.callback()
def drift() -> None:
    """References of clear driving."""


app.command("eval", cls=SeveralValuesCommand)(drift_eval.evaluate)


@app.command("fit", cls=SeveralValuesCommand)
def fit(
    clear: Annotated[
        list[Path],
        typer.Option(metavar="DRIVE…", help="Clear drives of one camera: a folder of images or a rosbag2 for each."),
    ],
    out: Annotated[Path, typer.Option(help="Reference to write, a .safetensors file.")],
    rate_hz: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            callback=drift_eval.finite_rate,
            help=f"Frames a second, which false alarms are counted by; bags have stamps, folders {FOLDER_RATE_HZ:g}.",
        ),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="The bags' camera topic; the only image topic by default.")] = None,
    score: Annotated[str, typer.Option(help=f"One of {', '.join(SCORES)}.")] = DEFAULT_SCORE,
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
) -> None:
    """Fit what clear driving looks like to a model, from whole clear drives of one camera.

    Each --clear is a drive, or a day: what the reference says of unseen clear frames it learns by leaving out one drive
    at a time, so two days in two folders say much more than the same frames in one. Folders are read in the order of
    the file names, without their subfolders.
    """
    if score not in SCORES:
        raise ConfigurationError(f"--score {score!r} is unknown; expected one of {', '.join(SCORES)}")
    check_writable(out)
    network = load_model(model, resolve_device(device))
    drives = [read_drive(path, topic) for path in clear]
    total = sum(map(len, drives))
    every = max(total // SHIFT_FRAMES, 1)
    embeddings: list[np.ndarray] = []
    sampled: list[np.ndarray] = []
    rates: list[float] = []
    with tqdm(total=total, unit="frame", desc="clear frames") as progress:
        for drive in drives:
            rows, stamps = [], []
            for frame in drive:
                if progress.n % every == 0 and len(sampled) < SHIFT_FRAMES:
                    sampled.append(resize(frame.image, network.input_size))  # small enough to keep
                rows.append(embed(image_latent(network, frame.image)))
                stamps.append(frame.stamp_ns)
                progress.update()
            embeddings.append(np.stack(rows))
            if not isinstance(drive, ImageFolder):
                rates.append(_rate_hz(stamps))
    shift = weather_shift(network, tqdm(sampled, unit="frame", desc="simulated fog"))
    reference = fit_reference(
        embeddings,
        network.model_id,
        embedding_hash(model),
        score=score,
        rate_hz=rate_hz or (float(np.median(rates)) if rates else FOLDER_RATE_HZ),
        weather_shift=shift,
    )
    typer.echo(
        f"{out}: reference {reference.reference_id} for {network.model_id}, score {reference.method}, from "
        f"{reference.frames} frames of {reference.drives} drives at {reference.rate_hz:g} Hz, worth "
        f"{reference.effective_frames:.0f} independent ones; WARN from {reference.warn_threshold:.3f}, ERROR from "
        f"{reference.error_threshold:.3f}"
    )
    if not reference.is_conclusive:
        typer.echo(
            f"Too short to judge by: fewer than {MIN_EFFECTIVE_FRAMES:g} independent frames; every state will be "
            "UNKNOWN. Give more clear drives, on other days.",
            err=True,
        )
    reference.save(out)


def read_drive(path: Path, topic: str | None) -> FrameSource:
    """A drive; a folder is taken for images unless it is a rosbag2, which has a metadata.yaml."""
    if path.is_dir() and not (path / "metadata.yaml").exists():
        return ImageFolder(path, None, FOLDER_RATE_HZ, CAMVID)
    return BagSource(path, topic)


def _rate_hz(stamps_ns: list[int]) -> float:
    """Frames a second, by the median of the time between them; FOLDER_RATE_HZ where stamps do not advance."""
    steps = np.diff(np.array(stamps_ns, dtype=np.int64))
    step = float(np.median(steps)) if len(steps) else 0.0
    return 1e9 / step if step > 0 else FOLDER_RATE_HZ
