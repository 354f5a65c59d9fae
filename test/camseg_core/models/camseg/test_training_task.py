"""What cannot be trained is refused before the first step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest, truncnorm

from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.training_task import CamSegLossSettings, CamSegTask
from camseg_core.models.settings import SamplingSettings
from camseg_core.sampling import NoiseProcess


def refused(config, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CamSegTask(CamSeg(config), torch.ones(11), [], CamSegLossSettings(), SamplingSettings())


def test_masks_drawn_in_colours(tiny_config):
    masks = replace(tiny_config.mask_autoencoder, channels=3)
    refused(replace(tiny_config, mask_decoding="palette", mask_autoencoder=masks), "mask decoding is 'palette'")


def test_a_noise_process_of_another_loss(tiny_config):
    refused(replace(tiny_config, noise_process=NoiseProcess(prediction_type="epsilon")), "prediction type is 'epsilon'")


def test_more_denoising_steps_than_there_are_timesteps(tiny_config):
    with pytest.raises(ConfigurationError, match="steps is 1001; expected 1 to 1000"):
        CamSegTask(CamSeg(tiny_config), torch.ones(11), [], CamSegLossSettings(), SamplingSettings(steps=1001))


@pytest.mark.parametrize("minimum", [0.7, 1.0])
def test_the_masked_share_is_a_normal_around_one_truncated_at_its_smallest(tiny_config, minimum):
    settings = CamSegLossSettings(mask_ratio_min=minimum)
    task = CamSegTask(CamSeg(tiny_config), torch.ones(11), [], settings, SamplingSettings())
    generator = torch.Generator().manual_seed(0)
    drawn = np.array([task._draw_mask_ratio(generator) for _ in range(4000)])
    if minimum == 1.0:
        assert (drawn == 1.0).all()
    else:
        expected = truncnorm(-0.3 / 0.25, 0.0, loc=1.0, scale=0.25)
        assert kstest(drawn, expected.cdf).pvalue > 0.01


def test_with_all_mask_tokens_masked_training_sees_what_inference_sees(tiny_config):
    torch.manual_seed(0)
    model = CamSeg(tiny_config).eval()
    images = torch.randn(1, 3, 48, 64)
    image = model.encode_image(images, model.image_latent(images))
    nothing_visible = torch.zeros((1, 0), dtype=torch.int64)
    torch.testing.assert_close(model.condition(image, torch.randn(1, 4, 6, 8), nothing_visible), model.condition(image))


@pytest.mark.parametrize(
    ("name", "value"), [("mask_ratio_min", -0.1), ("mask_ratio_min", 1.1), ("mask_ratio_std", 0.0)]
)
def test_a_masked_share_out_of_range(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} is {value}"):
        CamSegLossSettings(**{name: value})
