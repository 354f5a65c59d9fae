"""Losses against plain formulas."""

import math

import pytest
import torch
from torch.nn import functional

from camseg_core.training.losses import class_weights, one_hot, soft_dice, weighted_cross_entropy


def test_class_weights_follow_enet():
    shares = torch.tensor([0.9, 0.1])
    raw = [1 / math.log(1.1 + 0.9), 1 / math.log(1.1 + 0.1)]
    mean = sum(raw) / 2
    torch.testing.assert_close(class_weights(shares), torch.tensor([raw[0] / mean, raw[1] / mean]))


def test_cross_entropy_is_torch_s_weighted_mean():
    logits, labels = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    labels[0, 0] = 255
    weights = torch.tensor([1.0, 2.0, 0.5])
    expected = functional.cross_entropy(logits, labels, weights, ignore_index=255)
    torch.testing.assert_close(weighted_cross_entropy(logits, labels, weights), expected)


def test_nothing_labelled_gives_no_loss():
    logits, labels = torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), 255)
    assert float(weighted_cross_entropy(logits, labels, torch.ones(3))) == 0.0
    assert float(soft_dice(logits, labels)) == 0.0


def test_dice_is_zero_for_the_truth_and_near_one_for_its_opposite():
    labels = torch.tensor([[[0, 1], [1, 0]]])
    sure = 50.0 * one_hot(labels, 2)
    assert float(soft_dice(sure, labels)) == pytest.approx(0.0, abs=1e-6)
    assert float(soft_dice(-sure, labels)) == pytest.approx(1.0, abs=1e-6)


def test_one_hot_leaves_unlabelled_pixels_empty():
    encoded = one_hot(torch.tensor([[[2, 255]]]), 3)
    assert encoded[0, :, 0, 0].tolist() == [0.0, 0.0, 1.0]
    assert encoded[0, :, 0, 1].tolist() == [0.0, 0.0, 0.0]
