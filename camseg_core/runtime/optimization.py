"""A loaded model made faster for inference alone, with the same masks but for rounding."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from camseg_core.models.base import SegmentationModel
from camseg_core.runtime.precision import supports_bfloat16


def optimize_for_inference(model: SegmentationModel, device: torch.device) -> SegmentationModel:
    """Change ``model``, in evaluation mode on ``device``, in place, and return it; it can be neither trained nor saved.

    Every batch normalisation becomes part of the convolution before it. Where autocast computes in bfloat16, the
    weights of convolutions and linear layers are stored so: outside training autocast converts them in every call.
    """
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            _fold_batch_norms(module)
    if supports_bfloat16(device):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.to(torch.bfloat16)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
    return model.requires_grad_(False)


def _fold_batch_norms(layers: nn.Sequential) -> None:
    for index in range(len(layers) - 1):
        convolution, norm = layers[index], layers[index + 1]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[index] = fuse_conv_bn_eval(convolution, norm)
            layers[index + 1] = nn.Identity()
