"""The engine's model: nothing left to normalise or to cast, and the masks of the model that was loaded."""

import numpy as np
import pytest
import torch
from torch import nn

from camseg_core.models.base import SamplingSettings
from camseg_core.models.loading import load_model
from camseg_core.runtime.optimization import optimize_for_inference
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.prediction import image_latent, predict

CPU = torch.device("cpu")
SAMPLING = SamplingSettings()


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def loaded(tiny_model):
    """With statistics as training leaves them; those of a new model are 0 and 1, which hides a wrong fold."""
    model = load_model(str(tiny_model), CPU)
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                values.copy_(torch.rand(values.shape, generator=generator) + 0.5)
    return model


def logits_of(model, image):
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1.0
    with torch.inference_mode():
        return model.segment(pixels, SAMPLING).logits.float()


def test_folding_changes_no_logit_but_for_rounding(loaded, image, monkeypatch):
    monkeypatch.setattr("camseg_core.runtime.optimization.supports_bfloat16", lambda device: False)
    expected = logits_of(loaded, image)
    optimized = optimize_for_inference(loaded, CPU)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in optimized.modules())
    torch.testing.assert_close(logits_of(optimized, image), expected, rtol=1e-4, atol=1e-4)


def test_masks_stay_but_for_rounding(loaded, image):
    expected = predict(loaded, image, SAMPLING).labels
    assert (predict(optimize_for_inference(loaded, CPU), image, SAMPLING).labels == expected).mean() > 0.99


def test_the_image_latent_stays_bit_for_bit(loaded, image):
    # References of drift are fitted on the latents of models as they are loaded.
    expected = image_latent(loaded, image)
    assert torch.equal(image_latent(optimize_for_inference(loaded, CPU), image), expected)


@pytest.mark.skipif(not supports_bfloat16(CPU), reason="this processor multiplies no bfloat16 numbers")
def test_weights_are_stored_as_they_are_multiplied(loaded):
    layers = [m for m in optimize_for_inference(loaded, CPU).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert {layer.weight.dtype for layer in layers} == {torch.bfloat16}
