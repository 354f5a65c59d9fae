"""Autoencoders between pixels and latents; they know no segmentation model."""

from camseg_core.autoencoders.base import Autoencoder, AutoencoderConfig
from camseg_core.autoencoders.kl import KLAutoencoder, KLAutoencoderConfig, Posterior
from camseg_core.autoencoders.vq import Quantized, VQAutoencoder, VQAutoencoderConfig

__all__ = [
    "Autoencoder",
    "AutoencoderConfig",
    "KLAutoencoder",
    "KLAutoencoderConfig",
    "Posterior",
    "Quantized",
    "VQAutoencoder",
    "VQAutoencoderConfig",
]
