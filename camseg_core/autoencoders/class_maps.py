"""Class maps through an autoencoder that has a channel for each class."""

from torch import Tensor

from camseg_core.autoencoders.base import Autoencoder
from camseg_core.autoencoders.padding import pad_labels
from camseg_core.training.losses import one_hot


def encode_labels(autoencoder: Autoencoder, labels: Tensor) -> Tensor:
    """The latent (N, C, h, w) of (N, H, W) int64 class ids of any size, 255 where unlabelled."""
    config = autoencoder.config
    return autoencoder.latent(one_hot(pad_labels(labels, config.downsampling), config.channels))


def decode_labels(autoencoder: Autoencoder, latent: Tensor, size: tuple[int, int]) -> Tensor:
    """The class ids of a latent (N, C, h, w), cut to ``size`` (height, width): (N, H, W) int64."""
    height, width = size
    return autoencoder.decode(latent).argmax(dim=1)[:, :height, :width]
