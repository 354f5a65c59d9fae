"""Rounded layers give what arithmetic in integers of eight bits would give."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from camseg_core.quantization.rounding import RoundedInput, RoundedWeight, round_layers


@pytest.fixture
def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_weights_are_whole_steps_of_their_channels_largest(random):
    weight = torch.randn((4, 3, 3, 3), generator=random) * torch.tensor([0.01, 1.0, 5.0, 100.0]).view(4, 1, 1, 1)
    rounded = RoundedWeight(weight)(weight)
    step = weight.flatten(1).abs().amax(dim=1).view(4, 1, 1, 1) / 127
    whole = rounded / step
    torch.testing.assert_close(whole, whole.round(), rtol=0.0, atol=1e-4)
    assert whole.abs().max() <= 127.0001
    assert ((rounded - weight).abs() <= 0.5001 * step).all()


def test_a_channel_of_zeros_stays_one():
    weight = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    torch.testing.assert_close(RoundedWeight(weight)(weight)[0], torch.zeros(2))


def test_inputs_are_whole_steps_with_an_exact_zero_and_cut_at_the_ends():
    rounded = RoundedInput(-1.0, 3.0)(nn.Identity(), (torch.tensor([0.0, -9.0, 9.0, 0.5, 1.7]),))
    step = 4.0 / 255
    assert rounded[0] == 0.0
    # The range moves by less than a step, so that 0 is in it.
    assert -1.0 - step < rounded[1] < -1.0 + step
    assert 3.0 - step < rounded[2] < 3.0 + step
    torch.testing.assert_close(rounded / step, (rounded / step).round(), rtol=0.0, atol=1e-4)
    assert ((rounded[3:] - torch.tensor([0.5, 1.7])).abs() <= 0.5001 * step).all()


def test_a_range_that_begins_at_zero_uses_all_its_steps():
    rounded = RoundedInput(0.0, 2.55)(nn.Identity(), (torch.tensor([0.01, 2.54, 2.55, -0.3]),))
    torch.testing.assert_close(rounded, torch.tensor([0.01, 2.54, 2.55, 0.0]), rtol=0.0, atol=1e-6)


def integers(values: torch.Tensor, low: float, high: float) -> tuple[np.ndarray, float]:
    """Unsigned eight-bit integers of an input less their zero point, and the size of their step."""
    step = (high - low) / 255
    zero = round(-low / step)
    return np.clip(np.round(values.double().numpy() / step) + zero, 0, 255) - zero, step


def test_a_linear_layer_is_an_integer_product_times_the_steps(random):
    model = nn.Sequential(nn.Linear(32, 40))
    inputs = torch.randn((7, 32), generator=random)
    whole_inputs, input_step = integers(inputs, -2.0, 3.0)
    weight, bias = (value.detach().clone().double().numpy() for value in (model[0].weight, model[0].bias))
    weight_step = np.abs(weight).max(axis=1) / 127
    expected = whole_inputs @ np.round(weight / weight_step[:, None]).T * input_step * weight_step + bias
    round_layers(model, {"0": (-2.0, 3.0)})
    np.testing.assert_allclose(model(inputs).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_convolution_is_rounded_alike_and_others_stay(random):
    model = nn.Sequential(nn.Conv2d(3, 32, 3), nn.Conv2d(32, 33, 3))
    plain = [layer.weight.detach().clone() for layer in model]
    inputs = torch.rand((1, 3, 9, 9), generator=random)
    hidden = functional.conv2d(inputs, plain[0], model[0].bias)
    whole, step = integers(hidden.detach(), -1.0, 1.0)
    rounded = RoundedWeight(plain[1])(plain[1])
    expected = functional.conv2d(torch.from_numpy(whole * step).float(), rounded, model[1].bias)
    round_layers(model, {"1": (-1.0, 1.0)})
    torch.testing.assert_close(model(inputs), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(model[0].weight, plain[0])
