"""Losses on class logits."""

import torch
from torch import Tensor
from torch.nn import functional

from camseg_core.labels import UNLABELLED


def class_weights(pixel_shares: Tensor) -> Tensor:
    """Weights 1 / ln(1.1 + share) (ENet, Paszke et al. 2016) of classes with these shares of pixels, mean 1."""
    weights = 1.0 / torch.log(1.1 + pixel_shares)
    return weights / weights.mean()


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of (N, K, H, W) logits over labelled pixels of (N, H, W) labels; 0 where none is labelled."""
    losses = functional.cross_entropy(logits.float(), labels, weights, ignore_index=UNLABELLED, reduction="sum")
    counted = labels[labels != UNLABELLED]
    return losses / weights[counted].sum().clamp_min(1.0)


def soft_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """1 − mean soft Dice coefficient over the classes present in the batch; counts thin classes like large ones."""
    classes = logits.shape[1]
    probabilities = logits.float().softmax(dim=1)
    valid = labels != UNLABELLED
    truth = labels[valid]
    # Sums over the pixels of each class, without one-hot maps, which would be as large as the logits.
    of_truth = probabilities.gather(1, torch.where(valid, labels, 0).unsqueeze(1)).squeeze(1)[valid]
    overlap = of_truth.new_zeros(classes).index_add(0, truth, of_truth)
    counts = torch.bincount(truth, minlength=classes).to(of_truth.dtype)
    total = torch.einsum("nkhw,nhw->k", probabilities, valid.to(of_truth.dtype)) + counts
    present = counts > 0
    return 1.0 - (2.0 * overlap / total.clamp_min(1.0))[present].mean() if present.any() else logits.sum() * 0.0


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(N, H, W) class ids as (N, classes, H, W) float32; unlabelled pixels are zero in every channel."""
    valid = (labels != UNLABELLED).unsqueeze(1)
    encoded = torch.zeros((labels.shape[0], classes, *labels.shape[1:]), device=labels.device)
    return encoded.scatter_(1, torch.where(valid, labels.unsqueeze(1), 0), valid.float())
