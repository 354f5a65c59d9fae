"""Every parameter that is trained has one optimiser, and the right one."""

import pytest
import torch
from torch import nn

from camseg_core.errors import ConfigurationError
from camseg_core.training.muon import Muon
from camseg_core.training.optimizers import OPTIMIZERS, make_optimizers


@pytest.fixture
def module():
    layers = nn.ModuleDict(
        {
            "convolution": nn.Conv2d(3, 4, 3),
            "linear": nn.Linear(4, 5),
            "norm": nn.LayerNorm(5),
            "frozen": nn.Linear(5, 5).requires_grad_(False),
        }
    )
    layers.register_parameter("position", nn.Parameter(torch.zeros(1, 6, 5)))
    return layers


def decays(optimizer, module):
    """Weight decay of each parameter of the module that the optimiser has, by name."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {names[id(p)]: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}


def test_adamw_has_all_that_is_trained_and_lets_matrices_decay(module):
    (adamw,) = make_optimizers("adamw", module, 1e-3, 0.1)
    matrices = {"convolution.weight", "linear.weight", "position"}
    vectors = {"convolution.bias", "linear.bias", "norm.weight", "norm.bias"}
    assert decays(adamw, module) == dict.fromkeys(matrices, 0.1) | dict.fromkeys(vectors, 0.0)


def test_muon_has_the_weights_of_layers_and_adamw_the_rest(module):
    muon, adamw = make_optimizers("muon", module, 1e-3, 0.1)
    assert isinstance(muon, Muon)
    assert decays(muon, module) == {"convolution.weight": 0.1, "linear.weight": 0.1}
    vectors = {"convolution.bias", "linear.bias", "norm.weight", "norm.bias"}
    assert decays(adamw, module) == {"position": 0.1} | dict.fromkeys(vectors, 0.0)


def test_muon_leaves_a_module_without_layers_to_adamw():
    (adamw,) = make_optimizers("muon", nn.LayerNorm(5), 1e-3, 0.1)
    assert isinstance(adamw, torch.optim.AdamW)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_all_have_the_learning_rate(module, name):
    rates = {group["lr"] for each in make_optimizers(name, module, 2e-3, 0.1) for group in each.param_groups}
    assert rates == {2e-3}


def test_an_unknown_name_is_told(module):
    with pytest.raises(ConfigurationError, match="optimizer is 'sgd'; expected one of adamw, muon"):
        make_optimizers("sgd", module, 1e-3, 0.1)
