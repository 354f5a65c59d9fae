"""Autoencoders are validated on whole frames, whatever their sizes."""

import numpy as np
import pytest
import torch

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.class_maps import encode_labels
from camseg_core.autoencoders.training_tasks import AutoencoderLossSettings, ImageAutoencoderTask, MaskAutoencoderTask
from camseg_core.data.datasets import LabelledImage
from camseg_core.labels import CAMVID
from camseg_core.training.batches import collate


@pytest.fixture
def frames():
    random = np.random.default_rng(0)
    maps = [random.integers(0, 11, size, dtype=np.uint8) for size in ((48, 64), (24, 80))]
    return [LabelledImage(CAMVID.color_table()[labels], labels, "frame") for labels in maps]


def autoencoder(channels):
    torch.manual_seed(0)
    return KLAutoencoder(KLAutoencoderConfig(channels, 4, (8, 8), pixel_unshuffle=4, norm_groups=4)).eval()


@torch.no_grad()
def test_images_of_several_sizes_are_validated_together(frames):
    network = autoencoder(3)
    values = np.concatenate([network.latent(collate([frame]).images).numpy().ravel() for frame in frames])
    found = ImageAutoencoderTask(network, frames, AutoencoderLossSettings()).validate()
    assert found["latent_std"] == pytest.approx(values.std(ddof=1), rel=1e-4)


@torch.no_grad()
def test_class_maps_of_several_sizes_are_validated_together(frames):
    network = autoencoder(11)
    values = np.concatenate([encode_labels(network, collate([frame]).labels).numpy().ravel() for frame in frames])
    found = MaskAutoencoderTask(network, CAMVID, torch.ones(11), frames, AutoencoderLossSettings()).validate()
    assert found["latent_std"] == pytest.approx(values.std(ddof=1), rel=1e-4)
