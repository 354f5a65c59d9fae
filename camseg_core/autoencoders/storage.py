"""Autoencoders on disk."""

from pathlib import Path

from camseg_core.autoencoders.base import Autoencoder
from camseg_core.autoencoders.kl import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.vq import VQAutoencoder, VQAutoencoderConfig
from camseg_core.weights_files import load_config, load_weights, save_module


def save_autoencoder(autoencoder: Autoencoder, folder: Path) -> None:
    """Write the autoencoder's configuration and weights into ``folder``."""
    save_module(autoencoder, autoencoder.config, folder)


def load_autoencoder(folder: Path) -> KLAutoencoder:
    """The KL autoencoder in ``folder``; raises WeightsError."""
    autoencoder = KLAutoencoder(load_config(KLAutoencoderConfig, folder))
    load_weights(autoencoder, folder)
    return autoencoder


def load_vq_autoencoder(folder: Path) -> VQAutoencoder:
    """The vector-quantised autoencoder in ``folder``; raises WeightsError."""
    autoencoder = VQAutoencoder(load_config(VQAutoencoderConfig, folder))
    load_weights(autoencoder, folder)
    return autoencoder
