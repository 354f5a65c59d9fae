"""The engine's model: no weight left to cast, and the masks of the model that was loaded."""

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
    return load_model(str(tiny_model), CPU)


def test_masks_stay_bit_for_bit(loaded, image):
    expected = predict(loaded, image, SAMPLING)
    optimized = predict(optimize_for_inference(loaded, CPU), image, SAMPLING)
    np.testing.assert_array_equal(optimized.labels, expected.labels)


def test_the_image_latent_stays_bit_for_bit(loaded, image):
    # References of drift are fitted on the latents of models as they are loaded.
    expected = image_latent(loaded, image)
    assert torch.equal(image_latent(optimize_for_inference(loaded, CPU), image), expected)


@pytest.mark.skipif(not supports_bfloat16(CPU), reason="this processor multiplies no bfloat16 numbers")
def test_weights_are_stored_as_they_are_multiplied(loaded):
    layers = [m for m in optimize_for_inference(loaded, CPU).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert {layer.weight.dtype for layer in layers} == {torch.bfloat16}
