"""KL autoencoder: images or class maps to continuous latents and back (Rombach et al., 2022)."""

import math
from dataclasses import dataclass

import torch
from diffusers.models import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from camseg_core.autoencoders.base import Autoencoder, AutoencoderConfig


@dataclass(frozen=True)
class KLAutoencoderConfig(AutoencoderConfig):
    """Size of a KL autoencoder.

    Attributes:
        scaling_factor: what latents are multiplied by so that their standard deviation is about 1.
    """

    scaling_factor: float = 1.0


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


class KLAutoencoder(Autoencoder):
    """diffusers' AutoencoderKL behind an optional space-to-depth, with the latent scaling kept in one place."""

    def __init__(self, config: KLAutoencoderConfig) -> None:
        super().__init__()
        self.config: KLAutoencoderConfig = config
        self.network = AutoencoderKL(
            in_channels=config.depth,
            out_channels=config.depth,
            latent_channels=config.latent_channels,
            **config.encoder_layers() | config.decoder_layers(),
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

    def latent(self, pixels: Tensor) -> Tensor:
        """See Autoencoder: the posterior's mean."""
        return self.encode(pixels).mean

    def training_latent(self, pixels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See Autoencoder: a draw from the posterior, and the posterior's Kullback–Leibler divergence in nats."""
        posterior = self.encode(pixels)
        return posterior.sample(generator), posterior.kl_divergence().float()

    def decode(self, latent: Tensor) -> Tensor:
        """See Autoencoder; latents are scaled ones."""
        decoded = self.network.decode(latent / self.config.scaling_factor).sample
        return functional.pixel_shuffle(decoded, self.config.pixel_unshuffle)
