"""What a mask looks like to its autoencoder: a channel a class, or a picture in the label set's colours."""

import math
from itertools import combinations
from typing import Protocol

import torch
from torch import Tensor

from camseg_core.errors import ConfigurationError
from camseg_core.labels import UNLABELLED, LabelSet
from camseg_core.training.losses import one_hot


class MaskCodec(Protocol):
    """Class ids to the mask autoencoder's input, and its output to class logits.

    Attributes:
        channels: of the mask autoencoder.
    """

    channels: int

    def encode(self, labels: Tensor) -> Tensor:
        """(N, channels, H, W) float32 of (N, H, W) int64 class ids, 255 where unlabelled."""

    def logits(self, decoded: Tensor) -> Tensor:
        """(N, classes, H, W) logits of decoded (N, channels, H, W); the class of a pixel is the largest."""


class ClassChannels:
    """A channel for each class: ones and zeros in, logits out."""

    def __init__(self, label_set: LabelSet) -> None:
        self.channels = len(label_set)

    def encode(self, labels: Tensor) -> Tensor:
        """See MaskCodec; an unlabelled pixel is zero in every channel."""
        return one_hot(labels, self.channels)

    def logits(self, decoded: Tensor) -> Tensor:
        """See MaskCodec."""
        return decoded


class PaletteColors:
    """RGB in [−1, 1] in the label set's colours, as published; a pixel is of the class whose colour is nearest.

    Distances are Euclidean in RGB of [0, 1], to colours rounded to four digits, as published. The logits are those of
    colours that scatter about a class's own with a standard deviation of half the distance of the two nearest classes,
    so that their softmax is sure of a colour that is drawn well and in doubt halfway between two.
    """

    channels = 3

    def __init__(self, label_set: LabelSet) -> None:
        colors = [[round(value / 255.0, 4) for value in color] for color in label_set.colors]
        self._palette = torch.tensor(colors, dtype=torch.float32)
        self._variance = (min(math.dist(*pair) for pair in combinations(colors, 2)) / 2.0) ** 2

    def encode(self, labels: Tensor) -> Tensor:
        """See MaskCodec; an unlabelled pixel is black."""
        table = torch.zeros((UNLABELLED + 1, 3), device=labels.device)
        table[: len(self._palette)] = self._palette.to(labels.device)
        return table[labels].permute(0, 3, 1, 2) * 2.0 - 1.0

    def logits(self, decoded: Tensor) -> Tensor:
        """See MaskCodec: minus half the squared distances to the colours over the variance, float32."""
        # A colour at a time: all of them at once take three times the memory of the result.
        pixels = decoded.float() * 0.5 + 0.5
        if self._palette.device != decoded.device:
            self._palette = self._palette.to(decoded.device)  # once: copied for each frame, it would make the host wait
        scale = -0.5 / self._variance
        return torch.stack(
            [scale * (pixels - color.view(3, 1, 1)).square().sum(dim=1) for color in self._palette], dim=1
        )


MASK_CODECS: dict[str, type[ClassChannels] | type[PaletteColors]] = {
    "classes": ClassChannels,
    "palette": PaletteColors,
}


def make_mask_codec(name: str, label_set: LabelSet) -> MaskCodec:
    """The codec called ``name`` for masks of ``label_set``; raises ConfigurationError naming the known ones."""
    if name not in MASK_CODECS:
        raise ConfigurationError(f"mask decoding {name!r} is unknown; expected one of {sorted(MASK_CODECS)}")
    return MASK_CODECS[name](label_set)
