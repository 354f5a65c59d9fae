"""What every stream of frames yields, and the protocol of a stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from camseg_core.weather import Weather


@dataclass(frozen=True)
class SourceFrame:
    """One frame of a stream, with the truth about it where there is any.

    Attributes:
        image: (height, width, 3) uint8, RGB.
        stamp_ns: acquisition time, nanoseconds since the stream's epoch.
        labels: (height, width) uint8 class ids, 255 unlabelled; None where the stream has no labels.
        weather: the true weather; None where it is not known.
    """

    image: np.ndarray
    stamp_ns: int
    labels: np.ndarray | None = None
    weather: Weather | None = None


class FrameSource(Protocol):
    """A finite stream of frames in the order of their stamps; every iteration starts at the first frame."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[SourceFrame]: ...
