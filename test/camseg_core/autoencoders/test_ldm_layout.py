"""Weights in Latent Diffusion's layout give, in our autoencoder, what the published code computed with them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.ldm_layout import ldm_config, ldm_name, ldm_weights
from camseg_core.errors import WeightsError
from camseg_core.foreign_weights import ForeignState

FIXTURES = Path(__file__).parents[2] / "fixtures" / "camseg_official"
FILE = Path("modelf16.ckpt")


@pytest.fixture(scope="module")
def vectors():
    return load_file(FIXTURES / "autoencoder_vectors.safetensors")


@pytest.fixture
def weights():
    return load_file(FIXTURES / "autoencoder_weights.safetensors")


def build(weights: dict[str, torch.Tensor], scaling_factor: float = 1.0) -> KLAutoencoder:
    state = ForeignState(FILE, weights)
    autoencoder = KLAutoencoder(ldm_config(state, scaling_factor)).eval()
    autoencoder.load_state_dict(ldm_weights(autoencoder, state))
    return autoencoder


def assert_equal(ours: torch.Tensor, official: torch.Tensor) -> None:
    assert ours.shape == official.shape
    assert float((ours - official).abs().max()) <= 1e-4 * float(official.abs().max())


def test_sizes_are_read_off_the_weights(weights):
    assert ldm_config(ForeignState(FILE, weights), 0.2325) == KLAutoencoderConfig(
        channels=3,
        latent_channels=16,
        block_channels=(32, 32, 32, 32, 64),
        layers_per_block=1,
        norm_groups=32,
        scaling_factor=0.2325,
        attention=True,
    )


@torch.no_grad()
def test_posterior_is_the_published_one(weights, vectors):
    posterior = build(weights).encode(vectors["image"])
    mean, log_variance = vectors["moments"].chunk(2, dim=1)
    assert_equal(posterior.mean, mean)
    assert_equal(posterior.mean, vectors["mean"])
    assert_equal(posterior.log_variance, log_variance)


@torch.no_grad()
@pytest.mark.parametrize("scaling_factor", [1.0, 0.2325])
def test_decoded_image_is_the_published_one(weights, vectors, scaling_factor):
    assert_equal(build(weights, scaling_factor).decode(vectors["mean"] * scaling_factor), vectors["decoded"])


@pytest.mark.parametrize(
    ("ours", "official"),
    [
        ("encoder.down_blocks.4.attentions.0.to_out.0.weight", "encoder.down.4.attn.0.proj_out.weight"),
        ("encoder.down_blocks.1.downsamplers.0.conv.bias", "encoder.down.1.downsample.conv.bias"),
        ("encoder.mid_block.resnets.1.norm2.weight", "encoder.mid.block_2.norm2.weight"),
        ("decoder.mid_block.attentions.0.group_norm.bias", "decoder.mid.attn_1.norm.bias"),
        ("decoder.up_blocks.0.resnets.1.conv_shortcut.bias", "decoder.up.4.block.1.nin_shortcut.bias"),
        ("decoder.conv_norm_out.weight", "decoder.norm_out.weight"),
        ("post_quant_conv.weight", "post_quant_conv.weight"),
    ],
)
def test_names(ours, official):
    assert ldm_name(ours, levels=5) == official


@pytest.mark.parametrize("name", ["encoder.conv_in.weight", "decoder.up.2.upsample.conv.bias", "quant_conv.bias"])
def test_a_missing_tensor_is_named(weights, name):
    del weights[name]
    with pytest.raises(WeightsError, match=f"modelf16.ckpt: holds no '{name}'"):
        build(weights)


def test_an_autoencoder_without_attention_in_the_decoder_is_refused(weights):
    # As MAR's own kl16.ckpt is built.
    weights = {name: value for name, value in weights.items() if not name.startswith("decoder.up.4.attn")}
    with pytest.raises(WeightsError, match=r"holds no 'decoder.up.4.attn.0"):
        build(weights)


def test_a_tensor_of_another_shape_is_named(weights):
    weights["decoder.conv_out.bias"] = torch.zeros(4)
    with pytest.raises(WeightsError, match=r"'decoder.conv_out.bias' is \(4,\); expected \(3,\)"):
        build(weights)


def test_a_tensor_without_a_place_is_named(weights):
    weights["decoder.up.0.attn.0.q.bias"] = torch.zeros(32)
    with pytest.raises(WeightsError, match=r"'decoder.up.0.attn.0.q.bias' and 0 more"):
        build(weights)
