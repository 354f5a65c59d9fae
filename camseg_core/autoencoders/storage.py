"""Autoencoders on disk."""

from pathlib import Path

from camseg_core.autoencoders.kl import KLAutoencoder, KLAutoencoderConfig
from camseg_core.weights_files import load_config, load_weights, save_module


def save_autoencoder(autoencoder: KLAutoencoder, folder: Path) -> None:
    """Write the autoencoder's configuration and weights into ``folder``."""
    save_module(autoencoder, autoencoder.config, folder)


def load_autoencoder(folder: Path) -> KLAutoencoder:
    """The autoencoder in ``folder``; raises WeightsError."""
    autoencoder = KLAutoencoder(load_config(KLAutoencoderConfig, folder))
    load_weights(autoencoder, folder)
    return autoencoder
