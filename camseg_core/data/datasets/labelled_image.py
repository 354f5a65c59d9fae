"""One image with its labels, and what a dataset of them offers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class LabelledImage:
    """An image and the class of each of its pixels.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        labels: (H, W) uint8 class ids of the dataset's label set; 255 is not labelled.
        name: what the image is called in its dataset.
    """

    image: np.ndarray
    labels: np.ndarray
    name: str


class LabelledDataset(Protocol):
    """A finite collection of labelled images."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> LabelledImage: ...
