"""Muon's updates: orthogonal, as large as AdamW's, whatever the size of the gradient."""

import pytest
import torch
from torch import nn

from camseg_core.training.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(24, 24), (16, 90), (90, 16), (1, 30)])
def test_singular_values_go_near_one_and_directions_stay(shape):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    found = left.T @ orthogonalized(matrix) @ right.T
    kept = values > 0.1 * values[0]  # smaller ones take more iterations
    diagonal = found.diagonal()[kept]
    assert float(diagonal.min()) > 0.6
    assert float(diagonal.max()) < 1.3
    assert float((found - found.diagonal().diag()).abs().max()) < 0.1


def test_a_gradient_of_zeros_changes_nothing():
    assert orthogonalized(torch.zeros(4, 6)).abs().max() == 0.0


@pytest.mark.parametrize("shape", [(32, 32), (16, 8, 3, 3), (96, 24)])
@pytest.mark.parametrize("scale", [1e-4, 1e3])
def test_an_update_is_a_fifth_of_the_learning_rate_whatever_the_gradients_size(shape, scale):
    generator = torch.Generator().manual_seed(0)
    parameter = nn.Parameter(torch.zeros(shape))
    parameter.grad = scale * torch.randn(shape, generator=generator)
    Muon([parameter], learning_rate=0.01, weight_decay=0.0).step()
    assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.2)
    assert float((parameter.detach() * parameter.grad).sum()) < 0.0


def test_weights_decay_by_the_learning_rate_times_the_decay():
    parameter = nn.Parameter(torch.ones(4, 4))
    parameter.grad = torch.zeros(4, 4)
    Muon([parameter], learning_rate=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(parameter.detach(), torch.full((4, 4), 0.95))


def test_it_finds_the_map_between_two_clouds_of_points():
    generator = torch.Generator().manual_seed(0)
    truth, points = torch.randn(8, 8, generator=generator), torch.randn(200, 8, generator=generator)
    layer = nn.Linear(8, 8, bias=False)
    muon = Muon(layer.parameters(), learning_rate=0.05, weight_decay=0.0)
    for step in range(400):
        muon.param_groups[0]["lr"] = 0.3 * (1 - step / 400)
        loss = (layer(points) - points @ truth.T).square().mean()
        muon.zero_grad()
        loss.backward()
        muon.step()
    assert float((layer.weight.detach() - truth).abs().max()) < 0.05
