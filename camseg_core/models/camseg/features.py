"""Convolutional image features beside the frozen latents: thin objects are lost in the latents alone."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.models.camseg.configuration import FeatureConfig


def _convolution(channels_in: int, channels_out: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(channels_out)
    )


class ConvolutionBlock(nn.Module):
    """Two 3×3 convolutions with a residual connection (He et al., 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _convolution(channels, channels)
        self.conv2 = _convolution(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) → (N, C, h, w)."""
        return functional.silu(features + self.conv2(functional.silu(self.conv1(features))))


class FeatureStem(nn.Module):
    """Features of an image at 1/4, 1/8 and 1/16 of its size; the image latents join at their own scale, 1/8."""

    def __init__(self, config: FeatureConfig, latent_channels: int) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = config.channels
        self.to_half = _convolution(3, half, stride=2)
        self.to_quarter = _convolution(half, quarter, stride=2)
        self.quarter = nn.Sequential(*(ConvolutionBlock(quarter) for _ in range(config.blocks[0])))
        self.to_eighth = _convolution(quarter, eighth, stride=2)
        self.latent_projection = nn.Conv2d(latent_channels, eighth, 1)
        self.eighth = nn.Sequential(*(ConvolutionBlock(eighth) for _ in range(config.blocks[1])))
        self.to_sixteenth = _convolution(eighth, sixteenth, stride=2)
        self.sixteenth = nn.Sequential(*(ConvolutionBlock(sixteenth) for _ in range(config.blocks[2])))

    def forward(self, image: Tensor, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features of (N, 3, H, W) images in [−1, 1], impulses repaired, and the images' (N, C, H/8, W/8) latents."""
        half = functional.silu(self.to_half(image))
        quarter = self.quarter(functional.silu(self.to_quarter(half)))
        eighth = self.eighth(functional.silu(self.to_eighth(quarter) + self.latent_projection(latent)))
        sixteenth = self.sixteenth(functional.silu(self.to_sixteenth(eighth)))
        return quarter, eighth, sixteenth


class ConditionFusion(nn.Module):
    """Brings the transformer's conditions from 1/16 to 1/8 and joins them with the finer features."""

    def __init__(self, config: FeatureConfig, width: int) -> None:
        super().__init__()
        _, quarter, eighth, _ = config.channels
        fine = quarter + quarter // 3
        self.from_tokens = nn.Conv2d(width, eighth, 1)
        self.from_quarter = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * quarter, fine, 1))
        self.join = _convolution(2 * eighth + fine, config.condition_channels)
        self.refine = ConvolutionBlock(config.condition_channels)

    def forward(self, tokens: Tensor, quarter: Tensor, eighth: Tensor) -> Tensor:
        """Conditions (N, condition_channels, H/8, W/8) from tokens (N, width, H/16, W/16) and the features."""
        coarse = functional.interpolate(self.from_tokens(tokens), scale_factor=2, mode="bilinear")
        return self.refine(functional.silu(self.join(torch.cat([coarse, eighth, self.from_quarter(quarter)], dim=1))))
