"""The one stage in which the discriminative network is trained, from a recipe."""

from dataclasses import replace
from pathlib import Path

import torch

from camseg_core.autoencoders.latent_scale import image_latent_scale
from camseg_core.autoencoders.storage import load_autoencoder
from camseg_core.models.camseg.training_task import CamSegLossSettings
from camseg_core.models.discriminative.configuration import discriminative_small
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.discriminative.training_task import DiscriminativeTask
from camseg_core.training.augmentation import segmentation_views
from camseg_core.training.recipe import Recipe


def train_discriminative(recipe: Recipe, image_autoencoder: Path, out: Path) -> None:
    """Train the network on the frozen image autoencoder in a folder, with the views and class losses of CAM-Seg's."""
    torch.manual_seed(recipe.seed)
    image_part = load_autoencoder(image_autoencoder)
    scaling_factor = image_latent_scale(image_part, recipe.training_frames())
    config = replace(
        discriminative_small(), image_autoencoder=replace(image_part.config, scaling_factor=scaling_factor)
    )
    model = DiscriminativeNetwork(config)
    model.image_autoencoder.load_state_dict(image_part.state_dict())
    # CAM-Seg's losses without the diffusion loss; the cross-entropy's weight is 1 here.
    dice = CamSegLossSettings.dice / CamSegLossSettings.cross_entropy
    task = DiscriminativeTask(model, recipe.class_weights(), recipe.validation_frames(), dice)
    recipe.train(task, segmentation_views(), out)
