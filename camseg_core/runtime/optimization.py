"""A loaded model made faster for inference alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.models.base import SegmentationModel
from camseg_core.runtime.precision import supports_bfloat16


class BFloat16GroupNorm(nn.GroupNorm):
    """A group normalisation of maps in bfloat16, which autocast on a GPU would have in float32 before and after.

    Means and variances are summed in float32 as they are there. Autocast on a CPU leaves group normalisations alone.
    """

    @classmethod
    def like(cls, norm: nn.GroupNorm) -> "BFloat16GroupNorm":
        """With the weights of ``norm``, rounded."""
        rounded = cls(norm.num_groups, norm.num_channels, norm.eps, norm.affine)
        rounded.load_state_dict(norm.state_dict())
        return rounded.to(norm.weight.device, torch.bfloat16).train(norm.training)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, …) → (N, C, …) bfloat16."""
        with torch.autocast(maps.device.type, enabled=False):
            return functional.group_norm(maps.to(torch.bfloat16), self.num_groups, self.weight, self.bias, self.eps)


def optimize_for_inference(model: SegmentationModel, device: torch.device) -> SegmentationModel:
    """Change ``model``, in evaluation mode on ``device``, in place, and return it; it can be neither trained nor saved.

    Where autocast computes in bfloat16, the weights of convolutions and linear layers are stored so: outside training
    autocast converts them in every call. Masks stay the same bit for bit. Batch normalisations stay by themselves:
    folded into the weights before they are rounded, they change a mask in a thousandth of its pixels
    (docs/results/performance_optimisations.md).

    On a GPU group normalisations are computed in bfloat16 besides, as they are on a CPU in any case: at 768×768 their
    maps are what the published autoencoder's encoder spends its time on moving, and float32 has twice the bytes.
    """
    if supports_bfloat16(device):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.to(torch.bfloat16)
        if device.type == "cuda":
            normalize_in_bfloat16(model)
    return model.requires_grad_(False)


def normalize_in_bfloat16(model: nn.Module) -> None:
    """Put a BFloat16GroupNorm in the place of every group normalisation with weights."""
    norms = [(name, module) for name, module in model.named_modules() if type(module) is nn.GroupNorm]
    for name, norm in norms:
        model.set_submodule(name, BFloat16GroupNorm.like(norm))
