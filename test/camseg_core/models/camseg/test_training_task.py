"""What cannot be trained is refused before the first step."""

from dataclasses import replace

import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.models.base import SamplingSettings
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.training_task import CamSegLossSettings, CamSegTask
from camseg_core.sampling import NoiseProcess


def refused(config, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CamSegTask(CamSeg(config), torch.ones(11), [], CamSegLossSettings(), SamplingSettings())


def test_masks_drawn_in_colours(tiny_config):
    masks = replace(tiny_config.mask_autoencoder, channels=3)
    refused(replace(tiny_config, mask_decoding="palette", mask_autoencoder=masks), "mask decoding is 'palette'")


def test_a_noise_process_of_another_loss(tiny_config):
    refused(replace(tiny_config, noise_process=NoiseProcess(prediction_type="epsilon")), "prediction type is 'epsilon'")
