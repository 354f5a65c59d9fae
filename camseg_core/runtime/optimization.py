"""A loaded model made faster for inference alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.models.base import SegmentationModel
from camseg_core.models.camseg.transformer import Attention
from camseg_core.runtime.attention import attend_by_products
from camseg_core.runtime.merged_convolutions import merge_convolutions
from camseg_core.runtime.precision import supports_bfloat16

LARGE_GROUP = 2**17
"""Values of a group of one image from which on BFloat16GroupNorm adds them up in parts."""

PARTS = 512
"""Into how many parts it divides the positions of a map at most, a power of two."""


class BFloat16GroupNorm(nn.GroupNorm):
    """A group normalisation of maps in bfloat16, which autocast on a GPU would have in float32 before and after.

    Means and variances are summed in float32, as they are there. Large maps of one image are summed in many parts at
    once, where torch's kernel gives each group to one multiprocessor, and stay in the order channels_last that the
    convolutions around them want, where that kernel has them copied to another and back: at 768×768 that took 21 of the
    37 ms that an H200 computed for a frame.
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
            maps = maps.to(torch.bfloat16)
            if maps.ndim == 4 and maps[0].numel() // self.num_groups >= LARGE_GROUP:
                return self._normalize_in_parts(maps)
            return functional.group_norm(maps, self.num_groups, self.weight, self.bias, self.eps)

    def _normalize_in_parts(self, maps: Tensor) -> Tensor:
        count, channels, height, width = maps.shape
        positions = height * width
        # The largest power of two in it: math.gcd would break what torch.compile makes of an encoder into pieces.
        in_parts = min(positions & -positions, PARTS)
        parts = maps.permute(0, 2, 3, 1).reshape(count, in_parts, -1, channels)
        sums = parts.sum(dim=2, dtype=torch.float32).sum(dim=1)
        squares = torch.linalg.vector_norm(parts, dim=2, dtype=torch.float32).square().sum(dim=1)
        values = positions * channels // self.num_groups
        mean = sums.view(count, self.num_groups, -1).sum(dim=2, keepdim=True) / values
        variance = squares.view(count, self.num_groups, -1).sum(dim=2, keepdim=True) / values - mean.square()
        scale = self.weight.view(self.num_groups, -1) * (variance.clamp(min=0.0) + self.eps).rsqrt()
        shift = self.bias.view(self.num_groups, -1) - mean * scale
        scale, shift = (factor.reshape(count, channels, 1, 1) for factor in (scale, shift))
        if torch.compiler.is_compiling():
            return (maps * scale + shift).to(torch.bfloat16)  # one kernel there, which ``out`` would keep it from
        # Written in bfloat16 at once: as float32 the maps would be moved at twice the bytes, and twice.
        return torch.addcmul(shift, maps, scale, out=torch.empty_like(maps))


def optimize_for_inference(model: SegmentationModel, device: torch.device) -> SegmentationModel:
    """Change ``model``, in evaluation mode on ``device``, in place, and return it; it can be neither trained nor saved.

    Where autocast computes in bfloat16, the weights of convolutions and linear layers are stored so: outside training
    autocast converts them in every call. Masks stay the same bit for bit. Batch normalisations stay by themselves:
    folded into the weights before they are rounded, they change a mask in a thousandth of its pixels
    (docs/results/performance_optimisations.md).

    On a GPU group normalisations are computed in bfloat16 besides, as they are on a CPU in any case. On a CPU
    convolutions are merged with what is done before them, and attention is computed by matrix products: together they
    change a mask in a few of ten thousand pixels.
    """
    if device.type == "cpu":
        merge_convolutions(model)
    if supports_bfloat16(device):
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                module.to(torch.bfloat16)
        if device.type == "cuda":
            normalize_in_bfloat16(model)
        else:
            for module in model.modules():
                if isinstance(module, Attention):
                    module.attend = attend_by_products
    return model.requires_grad_(False)


def normalize_in_bfloat16(model: nn.Module) -> None:
    """Put a BFloat16GroupNorm in the place of every group normalisation with weights."""
    norms = [(name, module) for name, module in model.named_modules() if type(module) is nn.GroupNorm]
    for name, norm in norms:
        model.set_submodule(name, BFloat16GroupNorm.like(norm))
