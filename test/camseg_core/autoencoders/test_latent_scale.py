"""Latents times their factor have the standard deviation 1."""

import numpy as np
import pytest
import torch

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.class_maps import encode_labels
from camseg_core.autoencoders.latent_scale import image_latent_scale, mask_latent_scale
from camseg_core.data.datasets import LabelledImage

SIZES = {"block_channels": (8, 8), "pixel_unshuffle": 4, "norm_groups": 4}


@pytest.fixture
def frames():
    random = np.random.default_rng(0)
    return [
        LabelledImage(
            random.integers(0, 255, (32, 48, 3), dtype=np.uint8),
            random.integers(0, 11, (32, 48), dtype=np.uint8),
            f"{index}",
        )
        for index in range(3)
    ]


def autoencoder(channels, scaling_factor=1.0):
    torch.manual_seed(0)
    return KLAutoencoder(KLAutoencoderConfig(channels, 4, scaling_factor=scaling_factor, **SIZES)).eval()


@pytest.mark.parametrize("begun_with", [1.0, 3.0])
def test_the_factor_brings_the_latents_of_labels_to_one(frames, begun_with):
    factor = mask_latent_scale(autoencoder(11, begun_with), frames)
    scaled = autoencoder(11, factor)
    with torch.no_grad():
        latents = [encode_labels(scaled, torch.from_numpy(frame.labels)[None].long()).flatten() for frame in frames]
    assert float(torch.cat(latents).std()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("scale", "channels"), [(image_latent_scale, 3), (mask_latent_scale, 11)])
def test_a_factor_that_is_right_is_kept_to_its_last_digit(frames, scale, channels):
    right = scale(autoencoder(channels), frames)
    nearly = right * (1.0 + 1e-6)
    assert scale(autoencoder(channels, nearly), frames) == nearly
    assert scale(autoencoder(channels, right * 1.01), frames) == pytest.approx(right, rel=1e-5)
