"""Ranges are those of the inputs that layers get, frame by frame, of layers that int8 is for."""

import numpy as np
import pytest
import torch
from torch import nn

from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.quantization.calibration import MIN_CHANNELS, SAMPLING_STEPS, find_ranges
from camseg_core.runtime.prediction import image_latent, predict

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(wide_model):
    return load_model(str(wide_model), CPU)


@pytest.mark.parametrize("share", [0.0, 0.1])
@pytest.mark.parametrize("name", ["stem.to_sixteenth.0", "head.res_blocks.0.mlp.0"])
def test_a_range_is_the_mean_of_the_frames_ends_over_all_steps(model, images, name, share, monkeypatch):
    monkeypatch.setattr("camseg_core.quantization.calibration.CUT", share)
    inputs = []
    handle = model.get_submodule(name).register_forward_pre_hook(
        lambda _, arguments: inputs.append(np.sort(arguments[0].float().flatten().numpy()))
    )
    lows, highs = [], []
    for number, image in enumerate(images[:3]):
        inputs.clear()
        predict(model, image, SamplingSettings(SAMPLING_STEPS, seed=number))
        assert len(inputs) == (1 if name.startswith("stem") else SAMPLING_STEPS)
        beyond = max(0, int(share * len(inputs[0])) - 1)
        lows.append(min(0.0, *(values[beyond] for values in inputs)))
        highs.append(max(0.0, *(values[-1 - beyond] for values in inputs)))
    handle.remove()
    assert find_ranges([model], images[:3]).by_layer[name] == pytest.approx((np.mean(lows), np.mean(highs)))


def test_only_wide_layers_of_the_parts_get_one_and_none_of_the_image_latents(model, images):
    found = find_ranges([model], images[:1]).by_layer
    assert found
    for name in found:
        assert min(model.get_submodule(name).weight.shape[:2]) >= MIN_CHANNELS
    called = set()
    names = {module: name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    handles = [module.register_forward_pre_hook(lambda module, _: called.add(names[module])) for module in names]
    image_latent(model, images[0])
    for handle in handles:
        handle.remove()
    assert called
    assert not called & set(found)


def test_every_wide_layer_of_the_decoder_and_of_the_head_gets_one(model, images):
    found = find_ranges([model], images[:1]).by_layer
    for part in ("mask_autoencoder.network.decoder", "head"):
        for name, layer in model.get_submodule(part).named_modules():
            if isinstance(layer, nn.Conv2d | nn.Linear) and min(layer.weight.shape[:2]) >= MIN_CHANNELS:
                assert f"{part}.{name}" in found


def test_both_decoders_get_ranges_where_both_are_given(wide_model, images):
    models = [load_model(str(wide_model), CPU, decoder) for decoder in ("full", "fast")]
    found = find_ranges(models, images[:1]).by_layer
    assert any(name.startswith("fast_decoder.") for name in found)
    assert any(name.startswith("mask_autoencoder.") for name in found)


def test_without_images_or_wide_layers_it_says_so(model, images, tiny_config):
    with pytest.raises(ConfigurationError, match="there are no images"):
        find_ranges([model], [])
    with pytest.raises(ConfigurationError, match=f"camseg-tiny has no layer to round; .* {MIN_CHANNELS} channels"):
        find_ranges([CamSeg(tiny_config).eval()], images)


def test_the_model_stays_as_it_was(model, images):
    before = predict(model, images[0], SamplingSettings()).labels
    find_ranges([model], images[:1])
    np.testing.assert_array_equal(predict(model, images[0], SamplingSettings()).labels, before)
    assert not any(module._forward_pre_hooks for module in model.modules())
