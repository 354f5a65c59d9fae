"""Stages build on autoencoders of runs of their own, or on those inside a model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.autoencoders import KLAutoencoder
from camseg_core.autoencoders.latent_scale import image_latent_scale, mask_latent_scale
from camseg_core.autoencoders.storage import save_autoencoder
from camseg_core.autoencoders.weights_id import weights_id
from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import WeightsError
from camseg_core.models.camseg.trained_autoencoders import trained_image_autoencoder, trained_mask_autoencoder
from camseg_core.models.discriminative.configuration import feature_classifier
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.loading import load_model
from camseg_core.weights_files import save_module

LOADERS = {
    "image_autoencoder": (trained_image_autoencoder, image_latent_scale),
    "mask_autoencoder": (trained_mask_autoencoder, mask_latent_scale),
}
CHANNELS = {"image_autoencoder": 3, "mask_autoencoder": 11}


@pytest.fixture
def frames():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 48, 64, 3)).astype(np.uint8)
    labels = random.integers(0, 11, (2, 48, 64)).astype(np.uint8)
    return [LabelledImage(images[index], labels[index], str(index)) for index in range(2)]


@pytest.mark.parametrize("part", LOADERS)
def test_that_of_a_model_is_taken_as_it_is(tiny_model, frames, part):
    model = load_model(str(tiny_model), torch.device("cpu"))
    found = LOADERS[part][0](tiny_model, frames, CHANNELS[part])
    assert found.config == getattr(model.config, part)
    for name, value in getattr(model, part).state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name


@pytest.mark.parametrize("part", LOADERS)
def test_latents_of_one_from_a_run_are_scaled_by_the_frames(tiny_config, frames, tmp_path, part):
    torch.manual_seed(0)
    trained = KLAutoencoder(getattr(tiny_config, part))
    save_autoencoder(trained, tmp_path)
    load, scale = LOADERS[part]
    expected = scale(trained, frames)
    assert expected != trained.config.scaling_factor
    assert load(tmp_path, frames, CHANNELS[part]).config == replace(trained.config, scaling_factor=expected)


def test_the_id_is_of_the_weights_wherever_they_lie(tiny_model, frames, tmp_path):
    part = trained_mask_autoencoder(tiny_model, frames, 11)
    save_autoencoder(part, tmp_path)
    of_run = trained_mask_autoencoder(tmp_path, frames, 11)
    assert of_run.config.scaling_factor != part.config.scaling_factor
    assert weights_id(of_run) == weights_id(part)
    assert weights_id(trained_image_autoencoder(tiny_model, frames, 3)) != weights_id(part)
    with torch.no_grad():
        of_run.network.decoder.conv_out.bias[0] += 1e-3
    assert weights_id(of_run) != weights_id(part)


def test_a_model_without_a_mask_autoencoder_is_named(tmp_path, frames):
    network = DiscriminativeNetwork(feature_classifier())
    save_module(network, network.config, tmp_path)
    with pytest.raises(WeightsError, match="is a model without mask autoencoder; expected one that has it"):
        trained_mask_autoencoder(tmp_path, frames, 11)


def test_a_folder_with_neither_is_named(tmp_path, frames):
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(WeightsError, match=r"config\.json: is not a KLAutoencoderConfig"):
        trained_image_autoencoder(tmp_path, frames, 3)


@pytest.mark.parametrize("other", LOADERS)
def test_folders_that_were_swapped_are_named(tiny_config, frames, tmp_path, other):
    save_autoencoder(KLAutoencoder(getattr(tiny_config, other)), tmp_path)
    [part] = LOADERS.keys() - {other}
    name = part.replace("_", " ")
    told = f"holds an autoencoder of {CHANNELS[other]} channels; expected {CHANNELS[part]}, as the {name} has"
    with pytest.raises(WeightsError, match=told):
        LOADERS[part][0](tmp_path, frames, CHANNELS[part])
