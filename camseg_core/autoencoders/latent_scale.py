"""The factor that brings latents to standard deviation 1 (Rombach et al. 2022, appendix G)."""

import torch
from torch import Tensor

from camseg_core.autoencoders.class_maps import encode_labels
from camseg_core.autoencoders.kl import KLAutoencoder
from camseg_core.autoencoders.padding import pad_to_multiple
from camseg_core.data.datasets import LabelledDataset
from camseg_core.training.batches import collate

FRAMES = 64

TOLERANCE = 1e-4
"""Relative; by how much a factor may be off and still be kept."""


@torch.no_grad()
def image_latent_scale(autoencoder: KLAutoencoder, dataset: LabelledDataset) -> float:
    """The factor for an autoencoder of images, from frames spread over ``dataset``."""
    stride = autoencoder.config.downsampling
    autoencoder.eval()
    return _scale(
        autoencoder,
        [
            autoencoder.latent(pad_to_multiple(collate([dataset[index]]).images, stride))
            for index in _spread(len(dataset))
        ],
    )


@torch.no_grad()
def mask_latent_scale(autoencoder: KLAutoencoder, dataset: LabelledDataset) -> float:
    """The factor for an autoencoder of class maps, from the labels of frames spread over ``dataset``."""
    autoencoder.eval()
    return _scale(
        autoencoder,
        [encode_labels(autoencoder, collate([dataset[index]]).labels) for index in _spread(len(dataset))],
    )


def _scale(autoencoder: KLAutoencoder, latents: list[Tensor]) -> float:
    """The factor for latents that have the autoencoder's own; that one where it is right already.

    What is fitted to the latents, a drift reference or a fast decoder, names the factor to its last digit, and the last
    digits depend on the number of threads that computed it.
    """
    own = autoencoder.config.scaling_factor
    factor = own / float(torch.cat([latent.flatten() for latent in latents]).std())
    return own if abs(factor / own - 1.0) < TOLERANCE else factor


def _spread(length: int) -> range:
    return range(0, length, max(1, length // FRAMES))
