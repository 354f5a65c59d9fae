"""Losses on class logits."""

import torch
from torch import Tensor
from torch.nn import functional

from camseg_core.labels import UNLABELLED


def class_weights(pixel_shares: Tensor) -> Tensor:
    """Weights 1 / ln(1.1 + share) (ENet, Paszke et al. 2016) of classes with these shares of pixels, mean 1."""
    weights = 1.0 / torch.log(1.1 + pixel_shares)
    return weights / weights.mean()


def cross_entropy_and_dice(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropy, and 1 − soft Dice coefficient, which counts thin classes like large ones.

    Both in one pass, since at the size of an image their softmax takes as long as a stage of the model.

    Args:
        logits: (N, classes, H, W) float.
        labels: (N, H, W) int64 class ids, 255 unlabelled.
        weights: (classes,) of the cross-entropy's pixels by their class.

    Returns:
        The weighted mean of the cross-entropy over labelled pixels, and 1 − the mean of the soft Dice coefficients of
        the classes present in the batch; each a scalar, 0 where nothing is labelled.
    """
    classes = logits.shape[1]
    log_probabilities = logits.float().log_softmax(dim=1)
    # 0 where a pixel is unlabelled.
    negative_log_likelihood = functional.nll_loss(log_probabilities, labels, ignore_index=UNLABELLED, reduction="none")
    # Sums over the pixels of each class, without one-hot maps, which would be as large as the logits.
    counts = _sums_by_label(torch.ones_like(negative_log_likelihood), labels, classes)
    weighted = weights * _sums_by_label(negative_log_likelihood, labels, classes)
    cross_entropy = weighted.sum() / (weights * counts).sum().clamp_min(1.0)
    overlap = _sums_by_label(torch.exp(-negative_log_likelihood), labels, classes)
    labelled = (labels != UNLABELLED).to(log_probabilities.dtype)
    total = torch.einsum("nkhw,nhw->k", log_probabilities.exp(), labelled) + counts
    present = counts > 0
    coefficients = (2.0 * overlap / total.clamp_min(1.0))[present]
    dice = 1.0 - coefficients.mean() if present.any() else logits.sum() * 0.0
    return cross_entropy, dice


def _sums_by_label(values: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(classes,) sums of (N, H, W) values over the pixels of each class."""
    sums = values.new_zeros(UNLABELLED + 1).index_add(0, labels.flatten(), values.flatten())
    return sums[:classes]


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """(N, H, W) class ids as (N, classes, H, W) float32; unlabelled pixels are zero in every channel."""
    valid = (labels != UNLABELLED).unsqueeze(1)
    encoded = torch.zeros((labels.shape[0], classes, *labels.shape[1:]), device=labels.device)
    return encoded.scatter_(1, torch.where(valid, labels.unsqueeze(1), 0), valid.float())
