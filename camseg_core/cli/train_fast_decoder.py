"""``camseg train fast-decoder``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.autoencoders.fast_decoder import FILE_NAME, save_fast_decoder
from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.distillation import DistillationSettings, collect_latents, distil, new_fast_decoder
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def fast_decoder(
    root: options.Root,
    out: Annotated[Path, typer.Option(help=f"Folder to write {FILE_NAME} into: the model's, so that it is found.")],
    dataset: options.Dataset = options.DATASET,
    split: Annotated[str, typer.Option(help="Part of the dataset to train on.")] = "train",
    model: options.Model = EngineSettings.model,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps, a frame each.")] = DistillationSettings.steps,
    views: Annotated[
        int, typer.Option(min=0, help="Random views of each frame, some spoilt, that latents are drawn from besides.")
    ] = DistillationSettings.views,
    learning_rate: Annotated[float, typer.Option(min=0.0, help="Its peak.")] = DistillationSettings.learning_rate,
    width: Annotated[
        int, typer.Option(min=1, help="Channels at the latents' resolution, a multiple of 16.")
    ] = DistillationSettings.width,
    blocks: Annotated[int, typer.Option(min=0, help="Residual blocks there.")] = DistillationSettings.blocks,
    seed: options.Seed = DistillationSettings.seed,
    device: options.Device = EngineSettings.device,
) -> None:
    """Train the small network that stands for a model's mask decoder; the model itself stays as it is.

    A quarter of an hour on two cores; a run that is stopped begins anew. `camseg eval decoder` measures what came
    of it.
    """
    settings = DistillationSettings(steps, learning_rate, views=views, width=width, blocks=blocks, seed=seed)
    path = out / FILE_NAME
    check_writable(path)
    network = load_model(model, resolve_device(device))
    if not isinstance(network, CamSeg):
        raise ConfigurationError(f"model {model!r} decodes no mask latents; expected a CAM-Seg model")
    decoder = new_fast_decoder(network, settings)
    latents = collect_latents(network, get_dataset(dataset, root, split, network.label_set), settings)
    save_fast_decoder(distil(decoder, network, latents, settings), network.mask_autoencoder, path)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
