"""``camseg train``: one command for each stage."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from camseg_core.autoencoders import KLAutoencoder
from camseg_core.autoencoders.latent_scale import image_latent_scale, mask_latent_scale
from camseg_core.autoencoders.storage import load_autoencoder
from camseg_core.autoencoders.training_tasks import AutoencoderLossSettings, ImageAutoencoderTask, MaskAutoencoderTask
from camseg_core.data.datasets import CamVid, LabelledDataset
from camseg_core.data.datasets.rendered_drives import RenderedDrives
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID, UNLABELLED
from camseg_core.models.base import SamplingSettings
from camseg_core.models.camseg.configuration import camseg_small
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.training_task import CamSegLossSettings, CamSegTask
from camseg_core.training.augmentation import AugmentationSettings
from camseg_core.training.batches import BatchSource
from camseg_core.training.losses import class_weights
from camseg_core.training.trainer import Trainer, TrainerSettings
from camseg_core.weights_files import load_weights

app = typer.Typer(
    no_args_is_help=True,
    help="Train a stage; a folder with a checkpoint is resumed. Order: autoencoders, segmentation.",
)

Root = Annotated[Path, typer.Option(help="CamVid folder with train/, trainannot/, val/, valannot/.")]
Out = Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights; resumed where it has a checkpoint.")]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps in all.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images a step.")]
Size = Annotated[str, typer.Option(help="Height×width of the training views in pixels, such as 360x480.")]
LearningRate = Annotated[float, typer.Option(min=0.0, help="Peak learning rate.")]
Drives = Annotated[int, typer.Option(min=0, help="Rendered drives of ten frames to train on too.")]
DrivesShare = Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of a batch taken from rendered drives.")]
ValidateEvery = Annotated[int, typer.Option(min=1, help="Steps between validations.")]
Seed = Annotated[int, typer.Option(help="Of batches, noise and first weights.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]


@app.command("image-autoencoder")
def image_autoencoder(
    root: Root,
    out: Out,
    steps: Steps = 2000,
    batch_size: BatchSize = 8,
    size: Size = "192x256",
    learning_rate: LearningRate = 1e-3,
    drives: Drives = 0,
    drives_share: DrivesShare = 0.25,
    validate_every: ValidateEvery = 1000,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train the KL autoencoder of camera images."""
    torch.manual_seed(seed)
    validation = CamVid(root, "val")
    task = ImageAutoencoderTask(
        KLAutoencoder(camseg_small().image_autoencoder), validation, AutoencoderLossSettings(bottleneck=1e-4)
    )
    view = _parse_size(size)
    batches = _batches(root, drives, drives_share, batch_size, view, _local_views(view), seed)
    settings = TrainerSettings(steps, learning_rate, validate_every=validate_every, device=device, seed=seed)
    Trainer(task, batches, settings, out).run()


@app.command("mask-autoencoder")
def mask_autoencoder(
    root: Root,
    out: Out,
    steps: Steps = 2000,
    batch_size: BatchSize = 8,
    size: Size = "192x256",
    learning_rate: LearningRate = 1e-3,
    drives: Drives = 0,
    drives_share: DrivesShare = 0.25,
    validate_every: ValidateEvery = 1000,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train the KL autoencoder of class maps."""
    torch.manual_seed(seed)
    task = MaskAutoencoderTask(
        KLAutoencoder(camseg_small().mask_autoencoder),
        CAMVID,
        _class_weights(CamVid(root, "train")),
        CamVid(root, "val"),
        AutoencoderLossSettings(bottleneck=1e-3),
    )
    view = _parse_size(size)
    batches = _batches(root, drives, drives_share, batch_size, view, _local_views(view), seed)
    settings = TrainerSettings(steps, learning_rate, validate_every=validate_every, device=device, seed=seed)
    Trainer(task, batches, settings, out).run()


@app.command("segmentation")
def segmentation(
    root: Root,
    out: Out,
    image_autoencoder: Annotated[Path, typer.Option(help="Folder of the trained image autoencoder.")],
    mask_autoencoder: Annotated[Path, typer.Option(help="Folder of the trained mask autoencoder.")],
    initial_weights: Annotated[
        Path | None, typer.Option(help="Folder of a trained model to start from instead of random weights.")
    ] = None,
    steps: Steps = 10000,
    batch_size: BatchSize = 8,
    size: Size = "360x480",
    learning_rate: LearningRate = 1e-3,
    drives: Drives = 0,
    drives_share: DrivesShare = 0.25,
    validate_every: ValidateEvery = 1000,
    sampling_steps: Annotated[int, typer.Option(min=1, help="Denoising steps in validation.")] = SamplingSettings.steps,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train the transformer, its features and the diffusion head on frozen autoencoders."""
    torch.manual_seed(seed)
    image_part, mask_part = load_autoencoder(image_autoencoder), load_autoencoder(mask_autoencoder)
    train_frames = CamVid(root, "train")
    config = replace(
        camseg_small(),
        image_autoencoder=replace(image_part.config, scaling_factor=image_latent_scale(image_part, train_frames)),
        mask_autoencoder=replace(mask_part.config, scaling_factor=mask_latent_scale(mask_part, train_frames)),
    )
    model = CamSeg(config)
    model.image_autoencoder.load_state_dict(image_part.state_dict())
    model.mask_autoencoder.load_state_dict(mask_part.state_dict())
    if initial_weights is not None:
        load_weights(model, initial_weights)
    task = CamSegTask(
        model,
        _class_weights(train_frames),
        CamVid(root, "val"),
        CamSegLossSettings(),
        SamplingSettings(steps=sampling_steps),
    )
    batches = _batches(root, drives, drives_share, batch_size, _parse_size(size), AugmentationSettings(), seed)
    settings = TrainerSettings(steps, learning_rate, validate_every=validate_every, device=device, seed=seed)
    Trainer(task, batches, settings, out).run()


def _batches(
    root: Path,
    drives: int,
    drives_share: float,
    batch_size: int,
    size: tuple[int, int],
    augmentation: AugmentationSettings,
    seed: int,
) -> BatchSource:
    datasets: list[tuple[LabelledDataset, float]] = [(CamVid(root, "train"), 1.0)]
    if drives:
        datasets = [(CamVid(root, "train"), 1.0 - drives_share), (RenderedDrives(drives, seed=seed), drives_share)]
    return BatchSource(datasets, batch_size, size, augmentation, seed)


def _local_views(size: tuple[int, int]) -> AugmentationSettings:
    """Autoencoders look at small neighbourhoods: they train on crops at about the size of the model's input."""
    native = camseg_small().input_height_px / size[0]
    return AugmentationSettings(zoom_min=0.8 * native, zoom_max=1.5 * native)


def _parse_size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise ConfigurationError(f"size {text!r} is not HEIGHTxWIDTH; expected for example 360x480")
    return int(height), int(width)


def _class_weights(dataset: CamVid) -> torch.Tensor:
    counts = np.zeros(256, dtype=np.int64)
    for index in range(len(dataset)):
        counts += np.bincount(dataset[index].labels.ravel(), minlength=256)
    counts[UNLABELLED] = 0
    shares = counts[: len(dataset.label_set)] / counts.sum()
    return class_weights(torch.from_numpy(shares).float())
