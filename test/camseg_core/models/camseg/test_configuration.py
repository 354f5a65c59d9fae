"""The models' sizes; what an older configuration file leaves unsaid."""

import json
from dataclasses import asdict, replace

import pytest
import torch
from diffusers.models.attention_processor import Attention

from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.configuration import CamSegConfig, camseg_base, camseg_small
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import load_config


def parameters(*modules: torch.nn.Module) -> int:
    return sum(value.numel() for module in modules for value in module.parameters())


def test_camseg_base_has_the_published_size():
    with torch.device("meta"):
        model = CamSeg(camseg_base())
    # The published code prints 217.09776M for transformer and head.
    assert parameters(model.transformer, model.head) == 217_097_760
    assert model.transformer.encoder_position.shape == (1, 4608, 768)


def test_camseg_base_has_attention_where_the_published_autoencoder_has_it():
    with torch.device("meta"):
        network = CamSeg(camseg_base()).image_autoencoder.network
    # The published code names each as it builds it: three in the encoder, four in the decoder, all of 512 channels.
    for half, count in ((network.encoder, 3), (network.decoder, 4)):
        attentions = [part for part in half.modules() if isinstance(part, Attention)]
        assert [part.to_q.in_features for part in attentions] == [512] * count
        assert {part.heads for part in attentions} == {1}


def test_camseg_base_draws_masks_with_the_autoencoder_of_images():
    with torch.device("meta"):
        model = CamSeg(camseg_base())
    assert model.mask_autoencoder is model.image_autoencoder


def test_one_autoencoder_with_two_configurations_is_refused():
    base = camseg_base()
    with pytest.raises(ConfigurationError, match="two configurations"):
        CamSeg(replace(base, mask_autoencoder=replace(base.mask_autoencoder, scaling_factor=1.0)))


@pytest.mark.parametrize(("decoding", "expected"), [("classes", 20), ("palette", 3)])
def test_a_mask_autoencoder_of_other_channels_is_refused(decoding, expected):
    base = camseg_base()
    masks = replace(base.mask_autoencoder, channels=7)
    config = replace(base, mask_autoencoder=masks, shared_autoencoder=False, mask_decoding=decoding)
    with pytest.raises(ConfigurationError, match=f"mask autoencoder has 7 channels; expected {expected}"):
        CamSeg(config)


def test_a_configuration_from_before_camseg_base_means_the_same(tmp_path):
    written = asdict(camseg_small())
    for name in ("shared_autoencoder", "mask_decoding"):
        del written[name]
    for part in ("image_autoencoder", "mask_autoencoder"):
        del written[part]["attention"]
    del written["noise_process"]["learned_variance"]
    (tmp_path / "config.json").write_text(json.dumps(written))
    assert load_config(CamSegConfig, tmp_path) == camseg_small()
