"""Losses against plain formulas."""

import math

import pytest
import torch
from torch.nn import functional

from camseg_core.training.losses import class_weights, cross_entropy_and_dice, one_hot


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
    torch.testing.assert_close(cross_entropy_and_dice(logits, labels, weights)[0], expected)


def test_nothing_labelled_gives_no_loss():
    logits, labels = torch.randn(1, 3, 4, 4), torch.full((1, 4, 4), 255)
    assert [float(loss) for loss in cross_entropy_and_dice(logits, labels, torch.ones(3))] == [0.0, 0.0]


def test_dice_is_zero_for_the_truth_and_near_one_for_its_opposite():
    labels = torch.tensor([[[0, 1], [1, 0]]])
    sure = 50.0 * one_hot(labels, 2)
    assert float(cross_entropy_and_dice(sure, labels, torch.ones(2))[1]) == pytest.approx(0.0, abs=1e-6)
    assert float(cross_entropy_and_dice(-sure, labels, torch.ones(2))[1]) == pytest.approx(1.0, abs=1e-6)


def test_dice_is_the_mean_over_the_classes_present_of_their_soft_overlaps():
    logits, labels = torch.randn(2, 4, 5, 6), torch.randint(0, 3, (2, 5, 6))
    labels[1, 2:] = 255
    labelled = labels != 255
    coefficients = []
    for class_id in range(3):  # the fourth class is nowhere
        probability = logits.softmax(dim=1)[:, class_id][labelled]
        truth = (labels[labelled] == class_id).float()
        coefficients.append(2 * (probability * truth).sum() / (probability.sum() + truth.sum()))
    expected = 1 - sum(coefficients) / 3
    torch.testing.assert_close(cross_entropy_and_dice(logits, labels, torch.ones(4))[1], expected)


def test_both_losses_have_the_gradients_of_their_formulas():
    torch.manual_seed(0)
    labels = torch.tensor([[[0, 1], [2, 255]]])
    logits = torch.randn(1, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 3.0, 0.5])
    step = 1e-3
    for index in range(2):
        (gradient,) = torch.autograd.grad(cross_entropy_and_dice(logits, labels, weights)[index], logits)
        for place in ((0, 1, 0, 0), (0, 0, 1, 0), (0, 2, 1, 1)):
            nudge = torch.zeros_like(logits)
            nudge[place] = step
            with torch.no_grad():
                above = cross_entropy_and_dice(logits + nudge, labels, weights)[index]
                below = cross_entropy_and_dice(logits - nudge, labels, weights)[index]
            # float32 inside: the difference quotient is good to some 1e-4.
            assert float(gradient[place]) == pytest.approx(float(above - below) / (2 * step), abs=1e-3)


def test_one_hot_leaves_unlabelled_pixels_empty():
    encoded = one_hot(torch.tensor([[[2, 255]]]), 3)
    assert encoded[0, :, 0, 0].tolist() == [0.0, 0.0, 1.0]
    assert encoded[0, :, 0, 1].tolist() == [0.0, 0.0, 0.0]
