"""A loaded model made faster for inference alone, with the same masks bit for bit."""

import torch
from torch import nn

from camseg_core.models.base import SegmentationModel
from camseg_core.runtime.precision import supports_bfloat16


def optimize_for_inference(model: SegmentationModel, device: torch.device) -> SegmentationModel:
    """Change ``model``, in evaluation mode on ``device``, in place, and return it; it can be neither trained nor saved.

    Where autocast computes in bfloat16, the weights of convolutions and linear layers are stored so: outside training
    autocast converts them in every call. Batch normalisations stay by themselves: folded into the weights before they
    are rounded, they change a mask in a thousandth of its pixels (docs/results/performance_optimisations.md).
    """
    if supports_bfloat16(device):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.to(torch.bfloat16)
    return model.requires_grad_(False)
