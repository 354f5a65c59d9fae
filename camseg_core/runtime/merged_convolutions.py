"""Convolutions that do what is done before them, too: fewer products, and one map less to write."""

from typing import TypeVar

import torch
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from torch.nn import functional

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d)


@torch.no_grad()
def merge_convolutions(model: nn.Module) -> None:
    """Change ``model`` in place: upsampling and space-to-depth before a convolution become part of it."""
    for name, module in list(model.named_modules()):
        if isinstance(module, Upsample2D):
            if module.interpolate and module.norm is None and _is_plain(getattr(module, "conv", None), kernel=3):
                model.set_submodule(name, with_upsampling(module))
        elif (
            isinstance(module, nn.Sequential)
            and [type(part) for part in module] == [nn.PixelUnshuffle, nn.Conv2d]
            and _is_plain(module[1], kernel=1)
        ):
            model.set_submodule(name, with_space_to_depth(*module))


@torch.no_grad()
def with_upsampling(upsample: Upsample2D) -> nn.ConvTranspose2d:
    """What repeats each position twice in each direction and convolves that 3×3, as one convolution.

    Of the nine positions that a window covers there, the four that repeat others have their weights added up: four
    products for nine. Equal but for rounding, at borders too.

    Args:
        upsample: with a convolution of 3×3, padded by one.

    Returns:
        4×4, of stride 2, with the weights' type and device.
    """
    conv: nn.Conv2d = upsample.conv
    merged = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    # A transposed convolution writes where a convolution reads, so its window is turned round.
    window = functional.pad(conv.weight.float().flip(2, 3), (1, 1, 1, 1))
    summed = functional.avg_pool2d(window, 2, stride=1) * 4.0
    return _filled(merged, summed.transpose(0, 1), conv)


@torch.no_grad()
def with_space_to_depth(unshuffle: nn.PixelUnshuffle, conv: nn.Conv2d) -> nn.Conv2d:
    """What makes channels of r×r positions and convolves these 1×1, as one convolution of r×r and stride r.

    Args:
        unshuffle: by r.
        conv: of 1×1.
    """
    factor = unshuffle.downscale_factor
    merged = nn.Conv2d(conv.in_channels // factor**2, conv.out_channels, factor, stride=factor)
    return _filled(merged, conv.weight.unflatten(1, (-1, factor, factor)).squeeze((4, 5)), conv)


def _is_plain(conv: nn.Module | None, kernel: int) -> bool:
    """Whether it is a convolution of kernel×kernel as merging takes it: of stride 1, as large a map as it gets."""
    return (
        isinstance(conv, nn.Conv2d)
        and conv.kernel_size == (kernel, kernel)
        and conv.padding == (kernel // 2, kernel // 2)
        and conv.stride == conv.dilation == (1, 1)
        and conv.groups == 1
        and conv.bias is not None
    )


def _filled(merged: Layer, weight: Tensor, conv: nn.Conv2d) -> Layer:
    """``merged`` with these weights and the bias of ``conv``, where and as what that one has its own."""
    merged.load_state_dict({"weight": weight, "bias": conv.bias})
    merged.to(conv.weight.device, conv.weight.dtype)
    return merged.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
