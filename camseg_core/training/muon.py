"""Muon: momentum whose matrices are made orthogonal (Jordan et al., 2024), here for convolutions too.

torch's own takes matrices alone. A convolution's weight is one as well, from all that its kernel sees to its outputs.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of Jordan's quintic: singular values from 0 to 1 go near 1 in few iterations, without settling there."""

ITERATIONS = 5

ADAM_RMS = 0.2
"""Root mean square of an update at a learning rate of 1: about AdamW's, so one rate fits both (Liu et al., 2025)."""


class Muon(torch.optim.Optimizer):
    """For the weights of linear and convolutional layers; what has no such shape needs another optimiser.

    Args:
        parameters: of two dimensions or more; the first are outputs, the others are taken together.
        learning_rate: as for AdamW.
        weight_decay: decoupled, as AdamW's.
        momentum: of the gradients' moving average, which is looked ahead from as Nesterov does.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": learning_rate, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        assert closure is None, "a closure is of no use here"
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def _update(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["average"] = torch.zeros_like(parameter)
        average = state["average"].lerp_(gradient, 1.0 - group["momentum"])
        matrix = gradient.lerp(average, group["momentum"]).flatten(1)
        # All singular values of an orthogonal matrix are 1, its root mean square is 1 / √(its larger side).
        size = ADAM_RMS * max(matrix.shape) ** 0.5
        parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
        parameter.add_(orthogonalized(matrix).view(parameter.shape), alpha=-group["lr"] * size)


def orthogonalized(matrix: Tensor) -> Tensor:
    """About U Vᵀ of a matrix U S Vᵀ: its singular values end between 0.7 and 1.2.

    By Newton–Schulz iteration in bfloat16, whose error is small beside that.

    Args:
        matrix: (rows, columns) float.

    Returns:
        (rows, columns) of the matrix's dtype; zeros for zeros.
    """
    first, third, fifth = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    result = (matrix.T if is_tall else matrix).bfloat16()
    # No singular value is larger than this norm.
    result = result / (result.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = result @ result.T
        result = first * result + (third * square + fifth * square @ square) @ result
    return (result.T if is_tall else result).to(matrix.dtype).contiguous()
