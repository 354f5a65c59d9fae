"""Trained autoencoders for a stage to build on: of a run of their own, or inside a model."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from camseg_core.autoencoders import KLAutoencoder
from camseg_core.autoencoders.latent_scale import image_latent_scale, mask_latent_scale
from camseg_core.autoencoders.storage import load_autoencoder
from camseg_core.data.datasets import LabelledDataset
from camseg_core.errors import WeightsError
from camseg_core.model_files import CONFIG_NAME
from camseg_core.models.loading import load_model


def trained_image_autoencoder(folder: Path, frames: LabelledDataset, channels: int) -> KLAutoencoder:
    """The autoencoder of images in ``folder``, with the scale of its latents in its configuration.

    Args:
        folder: of an autoencoder's run, whose latents are scaled to standard deviation 1 on ``frames``; or of a model,
            whose scale stays, because its weights and its drift reference go by it.
        frames: that scale latents.
        channels: that the autoencoder is expected to have.

    Raises:
        WeightsError: there are no whole weights, or they are of a model without such a part, or have other channels.
    """
    autoencoder, is_part = _load(folder, "image_autoencoder", channels)
    return autoencoder if is_part else _scaled(autoencoder, image_latent_scale(autoencoder, frames))


def trained_mask_autoencoder(folder: Path, frames: LabelledDataset, channels: int) -> KLAutoencoder:
    """Likewise the autoencoder of class maps."""
    autoencoder, is_part = _load(folder, "mask_autoencoder", channels)
    return autoencoder if is_part else _scaled(autoencoder, mask_latent_scale(autoencoder, frames))


def _load(folder: Path, part: str, channels: int) -> tuple[KLAutoencoder, bool]:
    """The autoencoder, and whether it is part of a model."""
    try:
        is_model = "architecture" in json.loads((folder / CONFIG_NAME).read_text())
    except (OSError, ValueError, TypeError):
        is_model = False  # load_autoencoder says what is wrong
    name = part.replace("_", " ")
    if is_model:
        autoencoder = getattr(load_model(str(folder), torch.device("cpu")), part, None)
        if not isinstance(autoencoder, KLAutoencoder):
            raise WeightsError(f"{folder}: is a model without {name}; expected one that has it")
    else:
        autoencoder = load_autoencoder(folder)
    if autoencoder.config.channels != channels:
        raise WeightsError(
            f"{folder}: holds an autoencoder of {autoencoder.config.channels} channels; expected {channels}, as the "
            f"{name} has"
        )
    return autoencoder, is_model


def _scaled(autoencoder: KLAutoencoder, factor: float) -> KLAutoencoder:
    autoencoder.config = replace(autoencoder.config, scaling_factor=factor)
    return autoencoder
