"""The stages in which discriminative networks are trained, each from a recipe."""

from dataclasses import replace
from pathlib import Path

import torch

from camseg_core.autoencoders.weights_id import weights_id
from camseg_core.errors import WeightsError
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.stages import FEATURE_PARTS, start_of_training
from camseg_core.models.camseg.trained_autoencoders import trained_image_autoencoder
from camseg_core.models.camseg.training_task import CamSegLossSettings
from camseg_core.models.discriminative.configuration import (
    DiscriminativeConfig,
    discriminative_small,
    feature_classifier,
)
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.discriminative.training_task import DiscriminativeTask
from camseg_core.models.loading import load_model
from camseg_core.training.augmentation import at_input_scale, segmentation_views
from camseg_core.training.recipe import Recipe
from camseg_core.weights_files import load_parts


def train_discriminative(
    recipe: Recipe, image_autoencoder: Path, out: Path, initial_features: Path | None = None
) -> None:
    """Train the network with the views and class losses of CAM-Seg's.

    Args:
        recipe: data, views and schedule.
        image_autoencoder: folder of the trained image autoencoder, or of a model that has it.
        out: folder of the run.
        initial_features: folder of a CAM-Seg model to begin with the features of, instead of random weights: both then
            differ in what they make of equally trained features.
    """
    model = _untrained(discriminative_small(), recipe, image_autoencoder)
    if initial_features is not None:
        begin_with_features(model, str(initial_features))
    _train(model, recipe, out, initial_features)


def train_features(recipe: Recipe, image_autoencoder: Path, out: Path, initial_features: Path | None = None) -> None:
    """Train CAM-Seg's convolutional features alone, by classifying pixels without a transformer.

    A step takes a fraction of one through the transformer, the diffusion head and the mask decoder, so that the
    features see several times as many frames in the same time. Nor do convolutions look further than a crop: with views
    smaller than the model's input, the same time shows them more of different frames.

    Args:
        recipe: data, views and schedule.
        image_autoencoder: folder of the trained image autoencoder, or of a model that has it.
        out: folder of the run.
        initial_features: folder of a trained model to take the features and their fusion from.
    """
    model = _untrained(feature_classifier(), recipe, image_autoencoder)
    if initial_features is not None:
        load_parts(model, initial_features, FEATURE_PARTS)
    _train(model, recipe, out, initial_features)


def _untrained(config: DiscriminativeConfig, recipe: Recipe, image_autoencoder: Path) -> DiscriminativeNetwork:
    recipe.check_normalisation(config.token_stride_px)
    torch.manual_seed(recipe.seed)
    channels = config.image_autoencoder.channels
    image_part = trained_image_autoencoder(image_autoencoder, recipe.autoencoder_frames(), channels)
    model = DiscriminativeNetwork(replace(config, image_autoencoder=image_part.config))
    model.image_autoencoder.load_state_dict(image_part.state_dict())
    return model


def _train(model: DiscriminativeNetwork, recipe: Recipe, out: Path, initial_features: Path | None) -> None:
    # CAM-Seg's losses without the diffusion loss; the cross-entropy's weight is 1 here.
    dice = CamSegLossSettings.dice / CamSegLossSettings.cross_entropy
    task = DiscriminativeTask(model, recipe.class_weights(), recipe.validation_frames(), dice)
    views = at_input_scale(segmentation_views(), model.config.input_height_px, recipe.size)
    given = {"image_autoencoder": weights_id(model.image_autoencoder)}
    recipe.train(task, views, out, start_of_training(features=initial_features), given)


def begin_with_features(network: DiscriminativeNetwork, name: str) -> None:
    """Copy convolutional features, their fusion and the transformer's blocks from a CAM-Seg model.

    Args:
        network: what is to begin with them.
        name: of a shipped model, or its folder.

    Raises:
        WeightsError: it is no CAM-Seg model, or its features are of another size.
    """
    model = load_model(name, torch.device("cpu"))
    if (
        not isinstance(model, CamSeg)
        or model.stem is None
        or model.fusion is None
        or model.config.features != network.config.features
    ):
        raise WeightsError(f"{name}: has no features of the size {network.config.features}; expected a CAM-Seg model's")
    for part in FEATURE_PARTS:
        network.get_submodule(part).load_state_dict(model.get_submodule(part).state_dict())
    blocks = [*model.transformer.encoder_blocks, *model.transformer.decoder_blocks]
    for block, trained in zip(network.transformer.blocks, blocks, strict=True):
        block.load_state_dict(trained.state_dict())
