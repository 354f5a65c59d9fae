"""Rounding to eight bits, put into a model's convolutions and linear layers (Jacob et al. 2018)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

INPUT_STEPS = 2**8 - 1
"""From the low to the high end of an input's range: unsigned integers of eight bits."""

WEIGHT_STEPS = 2**7 - 1
"""From 0 to the largest weight of an output channel: signed integers of eight bits, as many below 0 as above."""


class RoundedWeight(nn.Module):
    """A weight in whole steps, of a size of their own for each output channel.

    Args:
        weight: (outputs, …).
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        largest = weight.detach().flatten(1).abs().amax(dim=1)
        self.step: Tensor
        self.zero_point: Tensor
        # A channel that is 0 throughout stays so, whatever its step.
        self.register_buffer("step", torch.where(largest > 0.0, largest, 1.0) / WEIGHT_STEPS, persistent=False)
        self.register_buffer("zero_point", torch.zeros(len(weight), dtype=torch.int32), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        """The same shape, float32."""
        return torch.fake_quantize_per_channel_affine(
            weight, self.step, self.zero_point, 0, -WEIGHT_STEPS, WEIGHT_STEPS
        )


class RoundedInput:
    """Brings what a layer is called with to whole steps of its range, 0 among them; what is beyond the ends is cut.

    Args:
        low: end of the range, 0 or below.
        high: its other end, 0 or above.
    """

    def __init__(self, low: float, high: float) -> None:
        self.step = (high - low) / INPUT_STEPS
        self.zero_point = round(-low / self.step)

    def __call__(self, layer: nn.Module, arguments: tuple[Tensor]) -> Tensor:
        """A pre-hook of ``layer``: the input rounded, float32."""
        (values,) = arguments
        return torch.fake_quantize_per_tensor_affine(values.float(), self.step, self.zero_point, 0, INPUT_STEPS)


def round_layers(model: nn.Module, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Let layers of a float32 model compute with rounded inputs and weights, in place; the results stay float32.

    This is what integers of eight bits would give, and how a compiler is told that they may be used.

    Args:
        model: has a convolution or linear layer of every name in ``ranges``.
        ranges: (low, high) of each layer's input.
    """
    for name, ends in ranges.items():
        layer = model.get_submodule(name)
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        parametrize.register_parametrization(layer, "weight", RoundedWeight(layer.weight))
        layer.register_forward_pre_hook(RoundedInput(*ends))
