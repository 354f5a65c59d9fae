"""The discriminative network: as large as camseg-small, a model like any other, drawing nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.autoencoders import KLAutoencoderConfig
from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import WeightsError
from camseg_core.labels import CAMVID
from camseg_core.models.camseg.configuration import FeatureConfig, camseg_small
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.discriminative.configuration import DiscriminativeConfig, discriminative_small
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.discriminative.stages import begin_with_features
from camseg_core.models.discriminative.training_task import DiscriminativeTask
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict
from camseg_core.training.augmentation import AugmentationSettings
from camseg_core.training.batches import BatchSource
from camseg_core.training.trainer import Trainer, TrainerSettings
from camseg_core.weights_files import save_module

TINY = DiscriminativeConfig(
    model_id="discriminative-tiny",
    label_set="camvid",
    input_height_px=40,
    input_width_px=64,
    image_autoencoder=KLAutoencoderConfig(3, 4, (8, 8), pixel_unshuffle=4, norm_groups=4),
    patch_size=2,
    width=16,
    heads=2,
    blocks=1,
    features=FeatureConfig(channels=(4, 6, 8, 8), blocks=(1, 1, 1), condition_channels=8),
    classifier_width=8,
    classifier_blocks=1,
    fine_channels=4,
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return DiscriminativeNetwork(TINY).eval()


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_as_many_parameters_as_camseg_small():
    ours, theirs = DiscriminativeNetwork(discriminative_small()), CamSeg(camseg_small())
    assert parameters(ours) == pytest.approx(parameters(theirs), rel=0.05)
    assert ours.input_size == theirs.input_size
    assert parameters(ours.stem) == parameters(theirs.stem)
    assert parameters(ours.fusion) == parameters(theirs.fusion)


def test_a_saved_one_loads_by_its_folder_and_segments_images_of_any_size(network, tmp_path):
    save_module(network, TINY, tmp_path)
    loaded = load_model(str(tmp_path), torch.device("cpu"))
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    prediction = predict(loaded, image, SamplingSettings())
    assert prediction.labels.shape == (50, 70)
    assert np.array_equal(prediction.labels, predict(network, image, SamplingSettings()).labels)


def test_the_latent_is_that_of_the_image_autoencoder(network):
    images = torch.randn(1, 3, 48, 64)
    latent = network.image_latent(images)
    torch.testing.assert_close(latent, network.image_autoencoder.encode(images).mean)
    torch.testing.assert_close(latent, network.segment(images, SamplingSettings()).image_latent)


def test_sampling_settings_change_nothing(network):
    images = torch.randn(1, 3, *network.input_size)
    first = network.segment(images, SamplingSettings())
    second = network.segment(images, SamplingSettings(steps=4, sampler="ddpm", seed=1))
    assert first.logits.shape == (1, 11, 40, 64)
    assert torch.equal(first.logits, second.logits)


def test_training_learns_and_leaves_the_autoencoder(network, tmp_path):
    images = []
    for upper, lower in ((0, 3), (0, 5), (1, 3), (1, 5)):
        labels = np.full((40, 64), upper, dtype=np.uint8)
        labels[20:] = lower
        images.append(LabelledImage(CAMVID.color_table()[labels], labels, f"{upper}{lower}"))
    batches = BatchSource([(images, 1.0)], 2, (40, 64), AugmentationSettings(), seed=0)
    task = DiscriminativeTask(network, torch.ones(11), images, dice=0.5)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = task.losses(batches.batch(0), torch.Generator())["total"].detach()
    settings = TrainerSettings(steps=25, learning_rate=1e-2, warmup_steps=2, device="cpu")
    Trainer(task, batches, settings, tmp_path).run()
    assert float(task.losses(batches.batch(0), torch.Generator())["total"].detach()) < 0.7 * float(first)
    changed = {
        name.split(".")[0] for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"stem", "transformer", "fusion", "classifier"}


def test_it_can_begin_with_the_features_of_a_camseg_model(network, tiny_model, tiny_config):
    other = DiscriminativeNetwork(replace(TINY, blocks=tiny_config.encoder_blocks + tiny_config.decoder_blocks)).eval()
    trained = load_model(str(tiny_model), torch.device("cpu"))
    begin_with_features(other, str(tiny_model))
    images, latent = torch.randn(1, 3, 48, 64), torch.randn(1, 4, 6, 8)
    for ours, theirs in zip(other.stem(images, latent), trained.stem(images, latent), strict=True):
        torch.testing.assert_close(ours, theirs)
    tokens = torch.randn(1, 12, 16)
    torch.testing.assert_close(other.transformer.blocks[1](tokens), trained.transformer.decoder_blocks[0](tokens))


def test_features_of_another_size_are_named(network, tmp_path):
    save_module(network, TINY, tmp_path)
    with pytest.raises(WeightsError, match="has no features of the size"):
        begin_with_features(network, str(tmp_path))
