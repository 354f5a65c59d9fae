"""Optimisers by name."""

import torch
from torch import nn
from torch.optim import Optimizer

from camseg_core.errors import ConfigurationError
from camseg_core.training.muon import Muon

OPTIMIZERS = ("adamw", "muon")
"""``muon`` updates linear and convolutional weights by Muon, and all else by AdamW."""

ADAM_BETAS = (0.9, 0.95)


def make_optimizers(name: str, module: nn.Module, learning_rate: float, weight_decay: float) -> list[Optimizer]:
    """What trains the parameters of ``module`` that require gradients, each by one optimiser; matrices alone decay.

    Raises:
        ConfigurationError: the name is unknown.
    """
    if name not in OPTIMIZERS:
        raise ConfigurationError(f"optimizer is {name!r}; expected one of {', '.join(OPTIMIZERS)}")
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizers: list[Optimizer] = []
    if name == "muon":
        layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
        weights = {layer.weight for layer in layers if layer.weight.requires_grad}
        if weights:
            optimizers.append(Muon([p for p in trainable if p in weights], learning_rate, weight_decay))
        trainable = [p for p in trainable if p not in weights]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return [*optimizers, torch.optim.AdamW(groups, lr=learning_rate, betas=ADAM_BETAS)]
