"""Padding to the sizes that an autoencoder can halve."""

from torch import Tensor
from torch.nn import functional


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column of (N, C, H, W) until both sizes are multiples."""
    height, width = images.shape[-2:]
    return functional.pad(images, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def pad_labels(labels: Tensor, multiple: int) -> Tensor:
    """The same for (N, H, W) class ids."""
    return pad_to_multiple(labels.unsqueeze(1).float(), multiple).squeeze(1).long()
