"""Autoencoders between pixels and latents; they know no segmentation model."""

from camseg_core.autoencoders.kl import KLAutoencoder, KLAutoencoderConfig, Posterior

__all__ = ["KLAutoencoder", "KLAutoencoderConfig", "Posterior"]
