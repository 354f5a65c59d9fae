"""``camseg train``: one command for each stage."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli.train_fast_decoder import fast_decoder
from camseg_core.errors import ConfigurationError
from camseg_core.model_files import model_folder
from camseg_core.models.camseg.stages import (
    BOTTLENECK_WEIGHTS,
    train_image_autoencoder,
    train_mask_autoencoder,
    train_segmentation,
)
from camseg_core.models.camseg.training_task import CamSegLossSettings
from camseg_core.models.discriminative.stages import train_discriminative, train_features
from camseg_core.models.settings import SamplingSettings
from camseg_core.training.optimizers import OPTIMIZERS
from camseg_core.training.recipe import Recipe

app = typer.Typer(
    no_args_is_help=True,
    help="Train a stage; a folder with a checkpoint is resumed. Order: autoencoders, features, segmentation.",
)
app.command("fast-decoder")(fast_decoder)

Root = Annotated[Path, typer.Option(help="CamVid folder with train/, trainannot/, val/, valannot/.")]
Out = Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights; resumed where it has a checkpoint.")]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps in all.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images a step.")]
Size = Annotated[str, typer.Option(help="Height×width of the views in pixels; below the model's input they are crops.")]
LearningRate = Annotated[float, typer.Option(min=0.0, help="Peak learning rate.")]
Drives = Annotated[int, typer.Option(min=0, help="Rendered drives of ten frames to train on too.")]
DrivesShare = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of a batch taken from rendered drives.")]
ValidateEvery = Annotated[int, typer.Option(min=1, help="Steps between validations.")]
Seed = Annotated[int, typer.Option(min=0, help="Of batches, noise and first weights.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Optimizer = Annotated[str, typer.Option(help=f"{' or '.join(OPTIMIZERS)}; muon learns in fewer steps.")]
WithValidation = Annotated[
    bool, typer.Option("--with-val", help="Train on val too, for a last run; its figures then tell nothing.")
]
ImageAutoencoder = Annotated[
    str, typer.Option(help="Folder of the trained image autoencoder, or a model that has it, by name or folder.")
]
InitialFeatures = Annotated[
    str | None, typer.Option(help="Trained model, by name or folder, or run of `train features`, to take these from.")
]
MaskAutoencoder = Annotated[
    str, typer.Option(help="Folder of the trained mask autoencoder, or a model that has it, by name or folder.")
]

AUTOENCODER_STEPS, AUTOENCODER_SIZE = 2000, "192x256"
MODEL_STEPS, MODEL_SIZE = 10000, "360x480"


@app.command("image-autoencoder")
def image_autoencoder(
    root: Root,
    out: Out,
    steps: Steps = AUTOENCODER_STEPS,
    batch_size: BatchSize = Recipe.batch_size,
    size: Size = AUTOENCODER_SIZE,
    learning_rate: LearningRate = Recipe.learning_rate,
    drives: Drives = Recipe.drives,
    drives_share: DrivesShare = Recipe.drives_share,
    validate_every: ValidateEvery = Recipe.validate_every,
    seed: Seed = Recipe.seed,
    device: Device = Recipe.device,
    optimizer: Optimizer = Recipe.optimizer,
) -> None:
    """Train the KL autoencoder of camera images."""
    view = parse_size(size)
    recipe = Recipe(
        root, steps, view, batch_size, learning_rate, drives, drives_share, validate_every, seed, device, optimizer
    )
    train_image_autoencoder(recipe, out)


@app.command("mask-autoencoder")
def mask_autoencoder(
    root: Root,
    out: Out,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(BOTTLENECK_WEIGHTS)}; segmentation takes kl.")] = "kl",
    steps: Steps = AUTOENCODER_STEPS,
    batch_size: BatchSize = Recipe.batch_size,
    size: Size = AUTOENCODER_SIZE,
    learning_rate: LearningRate = Recipe.learning_rate,
    drives: Drives = Recipe.drives,
    drives_share: DrivesShare = Recipe.drives_share,
    validate_every: ValidateEvery = Recipe.validate_every,
    seed: Seed = Recipe.seed,
    device: Device = Recipe.device,
    optimizer: Optimizer = Recipe.optimizer,
) -> None:
    """Train an autoencoder of class maps."""
    view = parse_size(size)
    recipe = Recipe(
        root, steps, view, batch_size, learning_rate, drives, drives_share, validate_every, seed, device, optimizer
    )
    train_mask_autoencoder(recipe, kind, out)


@app.command("features")
def features(
    root: Root,
    out: Out,
    image_autoencoder: ImageAutoencoder,
    initial_features: InitialFeatures = None,
    steps: Steps = MODEL_STEPS,
    batch_size: BatchSize = Recipe.batch_size,
    size: Size = MODEL_SIZE,
    learning_rate: LearningRate = Recipe.learning_rate,
    drives: Drives = Recipe.drives,
    drives_share: DrivesShare = Recipe.drives_share,
    validate_every: ValidateEvery = Recipe.validate_every,
    seed: Seed = Recipe.seed,
    device: Device = Recipe.device,
    optimizer: Optimizer = Recipe.optimizer,
    with_validation: WithValidation = Recipe.with_validation,
) -> None:
    """Train the convolutional features alone, for segmentation to begin with."""
    view = parse_size(size)
    recipe = Recipe(
        *(root, steps, view, batch_size, learning_rate, drives, drives_share, validate_every, seed, device, optimizer),
        with_validation=with_validation,
    )
    train_features(recipe, model_folder(image_autoencoder), out, optional_folder(initial_features))


@app.command("segmentation")
def segmentation(
    root: Root,
    out: Out,
    image_autoencoder: ImageAutoencoder,
    mask_autoencoder: MaskAutoencoder,
    initial_weights: Annotated[
        str | None, typer.Option(help="Trained model, by name or folder, to start from instead of random weights.")
    ] = None,
    initial_features: InitialFeatures = None,
    steps: Steps = MODEL_STEPS,
    batch_size: BatchSize = Recipe.batch_size,
    size: Size = MODEL_SIZE,
    learning_rate: LearningRate = Recipe.learning_rate,
    drives: Drives = Recipe.drives,
    drives_share: DrivesShare = Recipe.drives_share,
    mask_ratio_min: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Smallest share of mask tokens that are masked; 1 masks all.")
    ] = CamSegLossSettings.mask_ratio_min,
    validate_every: ValidateEvery = Recipe.validate_every,
    sampling_steps: Annotated[int, typer.Option(min=1, help="Denoising steps in validation.")] = SamplingSettings.steps,
    seed: Seed = Recipe.seed,
    device: Device = Recipe.device,
    optimizer: Optimizer = Recipe.optimizer,
    with_validation: WithValidation = Recipe.with_validation,
) -> None:
    """Train the transformer, its features and the diffusion head on frozen autoencoders."""
    view = parse_size(size)
    recipe = Recipe(
        *(root, steps, view, batch_size, learning_rate, drives, drives_share, validate_every, seed, device, optimizer),
        with_validation=with_validation,
    )
    losses = CamSegLossSettings(mask_ratio_min=mask_ratio_min)
    sampling = SamplingSettings(steps=sampling_steps)
    autoencoders = model_folder(image_autoencoder), model_folder(mask_autoencoder)
    weights, features = optional_folder(initial_weights), optional_folder(initial_features)
    train_segmentation(recipe, *autoencoders, losses, sampling, out, weights, features)


@app.command("discriminative")
def discriminative(
    root: Root,
    out: Out,
    image_autoencoder: ImageAutoencoder,
    initial_features: Annotated[
        str | None, typer.Option(help="CAM-Seg model, by name or folder, to begin with the features and blocks of.")
    ] = None,
    steps: Steps = MODEL_STEPS,
    batch_size: BatchSize = Recipe.batch_size,
    size: Size = MODEL_SIZE,
    learning_rate: LearningRate = Recipe.learning_rate,
    drives: Drives = Recipe.drives,
    drives_share: DrivesShare = Recipe.drives_share,
    validate_every: ValidateEvery = Recipe.validate_every,
    seed: Seed = Recipe.seed,
    device: Device = Recipe.device,
    optimizer: Optimizer = Recipe.optimizer,
    with_validation: WithValidation = Recipe.with_validation,
) -> None:
    """Train a plain per-pixel classifier of the model's size and features, to compare with."""
    view = parse_size(size)
    recipe = Recipe(
        *(root, steps, view, batch_size, learning_rate, drives, drives_share, validate_every, seed, device, optimizer),
        with_validation=with_validation,
    )
    train_discriminative(recipe, model_folder(image_autoencoder), out, optional_folder(initial_features))


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of ``HEIGHTxWIDTH``; raises ConfigurationError."""
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ConfigurationError(f"size {text!r} is not HEIGHTxWIDTH; expected for example 360x480")
    return int(height), int(width)


def optional_folder(model: str | None) -> Path | None:
    """The folder of a model's name or path, where there is one; raises WeightsError."""
    return None if model is None else model_folder(model)
