"""The engine's model: no weight left to cast, and the masks of the model that was loaded."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers.models.upsampling import Upsample2D
from torch import nn
from torch.nn import functional

from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.transformer import Attention
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.attention import attend_by_products
from camseg_core.runtime.optimization import BFloat16GroupNorm, normalize_in_bfloat16, optimize_for_inference
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.prediction import image_latent, predict

CPU = torch.device("cpu")
SAMPLING = SamplingSettings()
WITH_WEIGHTS = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def loaded(tiny_model):
    return load_model(str(tiny_model), CPU)


@pytest.fixture
def loaded_wide(wide_model):
    """Of a model whose masks depend on the image, as those of an untrained diffusion head do not."""
    return load_model(str(wide_model), CPU)


def test_but_for_attention_and_merged_convolutions_masks_stay_bit_for_bit(loaded_wide, image, monkeypatch):
    plain = functional.scaled_dot_product_attention
    monkeypatch.setattr("camseg_core.runtime.optimization.attend_by_products", plain)
    monkeypatch.setattr("camseg_core.runtime.optimization.merge_convolutions", lambda model: None)
    expected = predict(loaded_wide, image, SAMPLING)
    optimized = predict(optimize_for_inference(loaded_wide, CPU), image, SAMPLING)
    np.testing.assert_array_equal(optimized.labels, expected.labels)


def test_with_them_they_stay_but_for_rounding(loaded_wide, image):
    expected = predict(loaded_wide, image, SAMPLING)
    optimized = predict(optimize_for_inference(loaded_wide, CPU), image, SAMPLING)
    assert np.mean(optimized.labels == expected.labels) > 0.98


@pytest.mark.skipif(not supports_bfloat16(CPU), reason="this processor multiplies no bfloat16 numbers")
def test_attention_is_by_products_once_it_is_for_inference(loaded_wide):
    blocks = [module for module in loaded_wide.modules() if isinstance(module, Attention)]
    assert [block.attend for block in blocks] == [functional.scaled_dot_product_attention] * 2
    optimize_for_inference(loaded_wide, CPU)
    assert [block.attend for block in blocks] == [attend_by_products] * 2


def test_upsampling_is_part_of_a_convolution_once_it_is_for_inference(loaded_wide):
    assert any(isinstance(module, Upsample2D) for module in loaded_wide.modules())
    modules = list(optimize_for_inference(loaded_wide, CPU).modules())
    assert not any(isinstance(module, Upsample2D | nn.PixelUnshuffle) for module in modules)
    # One in the decoder of images, one in that of masks.
    assert sum(isinstance(module, nn.ConvTranspose2d) for module in modules) == 2


def test_the_image_latent_stays_bit_for_bit(loaded, image):
    # References of drift are fitted on the latents of models as they are loaded.
    expected = image_latent(loaded, image)
    assert torch.equal(image_latent(optimize_for_inference(loaded, CPU), image), expected)


@pytest.mark.skipif(not supports_bfloat16(CPU), reason="this processor multiplies no bfloat16 numbers")
def test_weights_are_stored_as_they_are_multiplied(loaded):
    layers = [m for m in optimize_for_inference(loaded, CPU).modules() if isinstance(m, WITH_WEIGHTS)]
    assert {layer.weight.dtype for layer in layers} == {torch.bfloat16}


@pytest.mark.parametrize("size", [(30, 40), (192, 256), (181, 257)])
@torch.no_grad()
def test_group_norms_in_bfloat16_are_those_in_float32_but_for_rounding(size):
    torch.manual_seed(0)
    norm = nn.GroupNorm(4, 16)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    # Far from zero, where sums in bfloat16 would be off by much more than a rounding; each image by itself.
    maps = torch.randn(2, 16, *size) + torch.tensor([3.0, -1.0]).view(2, 1, 1, 1)
    maps = maps.to(torch.bfloat16, memory_format=torch.channels_last)
    found = BFloat16GroupNorm.like(norm)(maps)
    expected = norm(maps.float())
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=torch.channels_last)
    # Three roundings to 8 bits, of scale, shift and result.
    torch.testing.assert_close(found.float(), expected, rtol=3 * 2**-8, atol=3 * 2**-8)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("size", [(192, 256), (181, 257)])
@torch.no_grad()
def test_large_group_norms_leave_the_graph_of_a_compiled_part_whole(size, dynamic):
    torch.manual_seed(0)
    norm = BFloat16GroupNorm.like(nn.GroupNorm(4, 16))
    maps = torch.randn(1, 16, *size).to(torch.bfloat16, memory_format=torch.channels_last)
    compiled = torch.compile(norm, backend="eager", fullgraph=True, dynamic=dynamic)  # an error where the graph breaks
    torch.testing.assert_close(compiled(maps), norm(maps), rtol=2**-7, atol=2**-7)
    torch.compiler.reset()


def test_every_group_norm_is_replaced_and_the_logits_hardly_change(loaded, image):
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float().div(127.5).sub(1.0)
    expected = loaded.segment(pixels, SAMPLING)
    count = sum(isinstance(module, nn.GroupNorm) for module in loaded.modules())
    normalize_in_bfloat16(loaded)
    replaced = [module for module in loaded.modules() if isinstance(module, nn.GroupNorm)]
    assert len(replaced) == count > 0
    assert all(isinstance(module, BFloat16GroupNorm) for module in replaced)
    with torch.autocast("cpu", torch.bfloat16):
        found = loaded.segment(pixels, SAMPLING)
    deviation = (found.image_latent - expected.image_latent).square().mean().sqrt()
    assert deviation < 0.02 * expected.image_latent.square().mean().sqrt()


def test_an_autoencoder_that_is_shared_is_replaced_once(tiny_config):
    shared = replace(tiny_config, shared_autoencoder=True, mask_decoding="palette")
    shared = replace(shared, mask_autoencoder=shared.image_autoencoder)
    model = CamSeg(shared)
    normalize_in_bfloat16(model)
    assert model.mask_autoencoder is model.image_autoencoder
    norms = [module for module in model.mask_autoencoder.modules() if isinstance(module, nn.GroupNorm)]
    assert norms
    assert all(isinstance(module, BFloat16GroupNorm) for module in norms)
