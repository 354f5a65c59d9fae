"""``camseg weights``: models made elsewhere, and what int8 needs beside a model."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli.weights_quantize import quantize
from camseg_core.errors import ConfigurationError
from camseg_core.model_files import pulled_weights
from camseg_core.models.camseg import official, random_weights
from camseg_core.models.camseg.configuration import CamSegConfig, camseg_base
from camseg_core.runtime.engine import SHIPPED_REFERENCE

app = typer.Typer(no_args_is_help=True, help="Take models made elsewhere; make one ready for int8.")
app.command("quantize")(quantize)

Ema = Annotated[bool, typer.Option("--ema", help="Take the averaged weights; the published evaluation does not.")]


@app.callback()
def weights() -> None:
    """Take models made elsewhere; make one ready for int8."""


@app.command("convert")
def convert(
    vae: Annotated[Path, typer.Option(help="The published autoencoder, modelf16.ckpt.")],
    transformer: Annotated[Path, typer.Option(help="The published transformer and head, city768.16.pth.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model into.")],
    ema: Ema = False,
    heads: Annotated[
        int | None, typer.Option(min=1, help="Attention heads, where the width is not the published 768.")
    ] = None,
) -> None:
    """Convert the two files of the published CAM-Seg."""
    _report(official.convert(vae, transformer, out, ema, heads), out, str(out))


@app.command("pull")
def pull(
    model: Annotated[str, typer.Argument(help="Name of a published model: camseg-base.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write the model into, instead of where its name finds it.")
    ] = None,
    ema: Ema = False,
) -> None:
    """Fetch a published model from the Hugging Face hub and convert it."""
    published = camseg_base().model_id
    if model != published:
        raise ConfigurationError(f"model {model!r} cannot be pulled; expected {published!r}")
    folder = out or pulled_weights() / model
    _report(official.pull(folder, ema), folder, str(out or model))


@app.command("random")
def random(
    size: Annotated[str, typer.Argument(help=f"Size of the model: {' or '.join(random_weights.SIZES)}.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model into.")],
    seed: Annotated[int, typer.Option(help="Of the weights.")] = 0,
) -> None:
    """Write a model with random weights: for time and memory, its masks mean nothing."""
    if size not in random_weights.SIZES:
        raise ConfigurationError(f"size {size!r} is unknown; expected one of {', '.join(random_weights.SIZES)}")
    config = random_weights.SIZES[size]()
    random_weights.write_random_model(config, out, seed)
    _report(config, out, str(out))


def _report(config: CamSegConfig, folder: Path, model: str) -> None:
    reference = folder / SHIPPED_REFERENCE
    typer.echo(f"{folder}: {config.model_id}, {config.input_height_px}×{config.input_width_px}, {config.label_set}")
    if not reference.exists():
        typer.echo(
            "To run it on frames it needs a drift reference: auto, or one fitted on clear drives of your camera:\n"
            f"    camseg drift fit --model {model} --clear DRIVE --out {reference}"
        )
