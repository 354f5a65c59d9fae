"""The stages in which ``camseg-small`` is trained, each from a recipe."""

from dataclasses import asdict, replace
from pathlib import Path

import torch

from camseg_core.autoencoders import Autoencoder, KLAutoencoder, VQAutoencoder, VQAutoencoderConfig
from camseg_core.autoencoders.training_tasks import AutoencoderLossSettings, ImageAutoencoderTask, MaskAutoencoderTask
from camseg_core.autoencoders.weights_id import weights_id
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.models.camseg.configuration import camseg_small
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.trained_autoencoders import trained_image_autoencoder, trained_mask_autoencoder
from camseg_core.models.camseg.training_task import CamSegLossSettings, CamSegTask
from camseg_core.models.settings import SamplingSettings
from camseg_core.training.augmentation import AugmentationSettings, at_input_scale, segmentation_views
from camseg_core.training.recipe import Recipe
from camseg_core.weights_files import load_parts, load_weights, weights_hash

BOTTLENECK_WEIGHTS = {"kl": 1e-3, "vq": 0.25}
"""Kinds of mask autoencoders, and what weighs the loss of their bottleneck; 0.25 is VQ-VAE's own."""

FEATURE_PARTS = ("stem", "fusion")
"""The convolutional features and what joins them, which other networks have by the same names."""


def train_image_autoencoder(recipe: Recipe, out: Path) -> None:
    """Train the KL autoencoder of camera images."""
    torch.manual_seed(recipe.seed)
    autoencoder = KLAutoencoder(camseg_small().image_autoencoder)
    settings = AutoencoderLossSettings(bottleneck=1e-4)
    task = ImageAutoencoderTask(autoencoder, recipe.validation_frames(), settings)
    recipe.train(task, _local_views(recipe.size), out)


def train_mask_autoencoder(recipe: Recipe, kind: str, out: Path) -> None:
    """Train an autoencoder of class maps; CAM-Seg takes the kind ``kl``, ``vq`` is its counterpart with a codebook."""
    torch.manual_seed(recipe.seed)
    task = MaskAutoencoderTask(
        mask_autoencoder(kind),
        CAMVID,
        recipe.class_weights(),
        recipe.validation_frames(),
        AutoencoderLossSettings(bottleneck=BOTTLENECK_WEIGHTS[kind]),
    )
    recipe.train(task, _local_views(recipe.size), out)


def mask_autoencoder(kind: str) -> Autoencoder:
    """An untrained mask autoencoder of ``camseg-small``'s size; raises ConfigurationError for an unknown kind."""
    config = camseg_small().mask_autoencoder
    if kind == "kl":
        return KLAutoencoder(config)
    if kind == "vq":
        sizes = {name: value for name, value in asdict(config).items() if name != "scaling_factor"}
        return VQAutoencoder(VQAutoencoderConfig(**sizes))
    raise ConfigurationError(f"kind of mask autoencoder is {kind!r}; expected one of {', '.join(BOTTLENECK_WEIGHTS)}")


def train_segmentation(
    recipe: Recipe,
    image_autoencoder: Path,
    mask_autoencoder: Path,
    losses: CamSegLossSettings,
    sampling: SamplingSettings,
    out: Path,
    initial_weights: Path | None = None,
    initial_features: Path | None = None,
) -> None:
    """Train the transformer, its features and the diffusion head on frozen autoencoders.

    Args:
        recipe: data, views and schedule.
        image_autoencoder: folder of the trained image autoencoder, or of a model that has it.
        mask_autoencoder: folder of the trained mask autoencoder, or of a model that has it.
        losses: how CAM-Seg is trained.
        sampling: how masks are drawn in validation.
        out: folder of the run.
        initial_weights: folder of a trained model to start from instead of random weights.
        initial_features: folder of a trained model to take the features and their fusion from, such as what
            ``train_features`` made; beside initial weights, they replace the features of these.
    """
    config = camseg_small()
    recipe.check_normalisation(config.token_stride_px)
    torch.manual_seed(recipe.seed)
    frames = recipe.autoencoder_frames()
    image_part = trained_image_autoencoder(image_autoencoder, frames, config.image_autoencoder.channels)
    mask_part = trained_mask_autoencoder(mask_autoencoder, frames, config.mask_autoencoder.channels)
    config = replace(config, image_autoencoder=image_part.config, mask_autoencoder=mask_part.config)
    model = CamSeg(config)
    if initial_weights is not None:
        load_weights(model, initial_weights)
    if initial_features is not None:
        load_parts(model, initial_features, FEATURE_PARTS)
    # After the initial weights, which bring autoencoders of their own.
    model.image_autoencoder.load_state_dict(image_part.state_dict())
    model.mask_autoencoder.load_state_dict(mask_part.state_dict())
    task = CamSegTask(model, recipe.class_weights(), recipe.validation_frames(), losses, sampling)
    start = start_of_training(weights=initial_weights, features=initial_features)
    recipe.train(
        task,
        at_input_scale(segmentation_views(), config.input_height_px, recipe.size),
        out,
        start,
        {
            # Without their scales: these follow from weights and frames, but for their last digits, which differ from
            # machine to machine.
            "image_autoencoder": weights_id(image_part),
            "mask_autoencoder": weights_id(mask_part),
            "losses": asdict(losses),
        },
    )


def start_of_training(**folders: Path | None) -> str:
    """What a run begins with, for its recipe: the hash of each part's weights; ``random`` where there are none."""
    hashes = [f"{part} {weights_hash(folder)}" for part, folder in folders.items() if folder is not None]
    return ", ".join(hashes) or "random"


def _local_views(size: tuple[int, int]) -> AugmentationSettings:
    """Autoencoders look at small neighbourhoods: they train on crops at about the size of the model's input."""
    return at_input_scale(AugmentationSettings(zoom_min=0.8, zoom_max=1.5), camseg_small().input_height_px, size)
