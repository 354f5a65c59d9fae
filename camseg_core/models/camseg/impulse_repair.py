"""Repair of impulse noise ahead of the convolutional features: salt and pepper, dead pixels, broken lines.

It works on frames of the model's own size. Those of another are resized before, by which impulses become values like
others; there the features have to bear them as they bear other noise.
"""

import torch
from torch import Tensor
from torch.nn import functional

OPPOSED_SHARE = 1e-3
"""Of the pairs of horizontal neighbours, those with one value at each end of the scale, from which on an image counts
as spoilt. None of CamVid's training frames, nor of the real frames in fog, rain, snow and sand, has a single such pair;
5 % of salt and pepper make 0.00125 in an image that has no value at an end by itself, and more in others."""

SMOOTH_STEP = 0.15
"""Mean step between horizontal neighbours within the scale, as a share of it, up to which these count as untouched.
CamVid's training frames have 0.08 at most, with salt and pepper too; white noise strong enough to reach both ends of
the scale has 0.16 (σ 0.18) and more, and nothing in it is as it was."""


def repair_impulses(images: Tensor) -> Tensor:
    """Images whose values at either end of the scale are replaced by the mean of the others beside them, where spoilt.

    Under impulse noise what stands at an end of the scale says nothing and what does not is as it was, so that a mean
    of the latter alone is not biased (decision-based filters; Srinivasan and Ebenezer, 2007). Where all 3×3 stand at an
    end, as in an overexposed sky, it is the mean of all of them. Other images, clean or noisy otherwise, are returned
    bit by bit as they are.

    Args:
        images: (N, C, H, W) in [−1, 1].

    Returns:
        (N, C, H, W), of the same type.
    """
    spoilt = _has_opposed_neighbours(images)
    # On a GPU, asking would wait for it; here it spares clean frames the rest.
    if images.device.type == "cpu" and not spoilt.any():
        return images
    impulses = images.abs() >= 1.0
    spoilt = spoilt & _is_smooth(images, impulses)
    kept = (~impulses).to(images.dtype)
    count = _mean_of_nine(kept)
    mean = torch.where(count > 0, _mean_of_nine(images * kept) / count.clamp(min=1e-6), _mean_of_nine(images))
    return torch.where(spoilt.view(-1, 1, 1, 1) & impulses, mean, images)


def _has_opposed_neighbours(images: Tensor) -> Tensor:
    """(N,) bool."""
    upper, lower = images >= 1.0, images <= -1.0
    opposed = (upper[..., 1:] & lower[..., :-1]) | (lower[..., 1:] & upper[..., :-1])
    return opposed.float().mean(dim=(1, 2, 3)) >= OPPOSED_SHARE


def _is_smooth(images: Tensor, impulses: Tensor) -> Tensor:
    """(N,) bool, of what lies within the scale."""
    within = ~(impulses[..., 1:] | impulses[..., :-1])
    steps = (images[..., 1:] - images[..., :-1]).abs().float() * within
    # The scale is 2 long. An image without neighbours within it has no step to judge by.
    mean = steps.sum(dim=(1, 2, 3)) / (2.0 * within.float().sum(dim=(1, 2, 3)).clamp(min=1.0))
    return mean <= SMOOTH_STEP


def _mean_of_nine(maps: Tensor) -> Tensor:
    return functional.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
