"""What every autoencoder shares: its size, its layers and what training asks of it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AutoencoderConfig:
    """Size of an autoencoder.

    Attributes:
        channels: channels in and out: 3 for images, one a class for masks.
        latent_channels: channels of the latent.
        block_channels: width of each resolution level; each level but the last halves the resolution.
        layers_per_block: residual blocks a level.
        pixel_unshuffle: space-to-depth factor before the first convolution; saves work at full resolution.
        norm_groups: groups of the group normalisation.
        attention: whether the lowest resolution has self-attention, as in Latent Diffusion's KL-f16.
    """

    channels: int
    latent_channels: int
    block_channels: tuple[int, ...]
    layers_per_block: int = 1
    pixel_unshuffle: int = 1
    norm_groups: int = 16
    attention: bool = False

    @property
    def downsampling(self) -> int:
        """Pixels a latent position spans in each direction."""
        return self.pixel_unshuffle * 2 ** (len(self.block_channels) - 1)

    @property
    def depth(self) -> int:
        """Channels after space-to-depth, which is what the layers see."""
        return self.channels * self.pixel_unshuffle**2

    def encoder_layers(self) -> dict[str, Any]:
        """Arguments that diffusers' encoders take under the same names."""
        plain = len(self.block_channels) - self.attention
        return {
            "down_block_types": ("DownEncoderBlock2D",) * plain + ("AttnDownEncoderBlock2D",) * self.attention,
            **self._layers(),
        }

    def decoder_layers(self) -> dict[str, Any]:
        """Arguments that diffusers' decoders take under the same names."""
        plain = len(self.block_channels) - self.attention
        return {
            "up_block_types": ("AttnUpDecoderBlock2D",) * self.attention + ("UpDecoderBlock2D",) * plain,
            **self._layers(),
        }

    def _layers(self) -> dict[str, Any]:
        return {
            "block_out_channels": self.block_channels,
            "layers_per_block": self.layers_per_block,
            "norm_num_groups": self.norm_groups,
            "mid_block_add_attention": self.attention,
        }


class Autoencoder(nn.Module, ABC):
    """Pixels to a latent through a bottleneck, and back."""

    config: AutoencoderConfig

    @abstractmethod
    def latent(self, pixels: Tensor) -> Tensor:
        """The latent (N, C, h, w) that stands for (N, channels, H, W); H and W multiples of ``config.downsampling``."""

    @abstractmethod
    def training_latent(self, pixels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The latent that training decodes, (N, C, h, w), and the bottleneck's own loss, scalar."""

    @abstractmethod
    def decode(self, latent: Tensor) -> Tensor:
        """Pixels (images) or class logits (masks), (N, channels, H, W), of latents (N, C, h, w)."""
