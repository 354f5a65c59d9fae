"""KL autoencoder: images or class maps to continuous latents and back (Rombach et al., 2022)."""

import math
from dataclasses import dataclass

import torch
from diffusers.models import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class KLAutoencoderConfig:
    """Size of a KL autoencoder.

    Attributes:
        channels: channels in and out: 3 for images, one a class for masks.
        latent_channels: channels of the latent.
        block_channels: width of each resolution level; each level but the last halves the resolution.
        layers_per_block: residual blocks a level.
        pixel_unshuffle: space-to-depth factor before the first convolution; saves work at full resolution.
        norm_groups: groups of the group normalisation.
        scaling_factor: what latents are multiplied by so that their standard deviation is about 1.
        attention: whether the lowest resolution has self-attention, as in Latent Diffusion's KL-f16.
    """

    channels: int
    latent_channels: int
    block_channels: tuple[int, ...]
    layers_per_block: int = 1
    pixel_unshuffle: int = 1
    norm_groups: int = 16
    scaling_factor: float = 1.0
    attention: bool = False

    @property
    def downsampling(self) -> int:
        """Pixels a latent position spans in each direction."""
        return self.pixel_unshuffle * 2 ** (len(self.block_channels) - 1)


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over latents, each (N, C, h, w), in scaled units (standard deviation about 1)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """A draw from the posterior, (N, C, h, w)."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + (0.5 * self.log_variance).exp() * noise

    def kl_divergence(self) -> Tensor:
        """Mean over all latent values of KL(posterior ‖ standard normal), scalar, nats."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance).mean()


class KLAutoencoder(nn.Module):
    """diffusers' AutoencoderKL behind an optional space-to-depth, with the latent scaling kept in one place."""

    def __init__(self, config: KLAutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        plain = len(config.block_channels) - config.attention
        depth = config.channels * config.pixel_unshuffle**2
        self.network = AutoencoderKL(
            in_channels=depth,
            out_channels=depth,
            latent_channels=config.latent_channels,
            block_out_channels=config.block_channels,
            down_block_types=("DownEncoderBlock2D",) * plain + ("AttnDownEncoderBlock2D",) * config.attention,
            up_block_types=("AttnUpDecoderBlock2D",) * config.attention + ("UpDecoderBlock2D",) * plain,
            layers_per_block=config.layers_per_block,
            norm_num_groups=config.norm_groups,
            mid_block_add_attention=config.attention,
        )

    def encode(self, pixels: Tensor) -> Posterior:
        """Posterior of the latent of ``pixels``.

        Args:
            pixels: (N, channels, H, W) float; H and W multiples of ``config.downsampling``.
        """
        posterior = self.network.encode(functional.pixel_unshuffle(pixels, self.config.pixel_unshuffle)).latent_dist
        return Posterior(
            mean=posterior.mean * self.config.scaling_factor,
            log_variance=posterior.logvar + 2.0 * math.log(self.config.scaling_factor),
        )

    def decode(self, latent: Tensor) -> Tensor:
        """Pixels (images) or class logits (masks), (N, channels, H, W), of scaled latents (N, C, h, w)."""
        decoded = self.network.decode(latent / self.config.scaling_factor).sample
        return functional.pixel_shuffle(decoded, self.config.pixel_unshuffle)
