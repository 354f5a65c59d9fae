"""``camseg drift``: references of clear driving."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from camseg_core.cli import drift_eval
from camseg_core.cli.several_values import SeveralValuesCommand
from camseg_core.data.images import list_images, read_rgb
from camseg_core.data.sources.bag import BagSource
from camseg_core.drift.embedding import embed
from camseg_core.drift.fitting import fit_reference
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.engine import EngineSettings
from camseg_core.runtime.prediction import image_latent

app = typer.Typer(no_args_is_help=True, help="References of clear driving.")


@app.callback()
def drift() -> None:
    """References of clear driving."""


app.command("eval", cls=SeveralValuesCommand)(drift_eval.evaluate)

@app.command("fit", cls=SeveralValuesCommand)
def fit(
    clear: Annotated[list[Path], typer.Option(help="A clear drive: folder of frames, or rosbag2. May be repeated.")],
    out: Annotated[Path, typer.Option(help="Reference to write, a .safetensors file.")],
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
) -> None:
    """Fit what clear driving looks like to a model, from whole clear drives of one camera."""
    network = load_model(model, resolve_device(device))
    drives = []
    for path in clear:
        frames = tqdm(_frames(path), desc=path.name, unit="frame")
        drives.append(np.stack([embed(image_latent(network, image)) for image in frames]))
    reference = fit_reference(drives, network.model_id)
    reference.save(out)
    typer.echo(
        f"{out}: reference {reference.reference_id} for {network.model_id} from {sum(map(len, drives))} frames; "
        f"WARN from {reference.warn_threshold:.3f}, ERROR from {reference.error_threshold:.3f}"
    )


def _frames(path: Path) -> Iterator[np.ndarray]:
    """RGB frames of a drive; a folder is taken for images unless it is a rosbag2, which has a metadata.yaml."""
    if path.is_dir() and not (path / "metadata.yaml").exists():
        yield from map(read_rgb, list_images(path))
    else:
        yield from (frame.image for frame in BagSource(path))
