"""Images and masks to other sizes: on the host by OpenCV, on another device as OpenCV does it on the host."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

KEPT_SIZES = 8
"""Sizes of images whose matrices are kept, and sizes of masks whose indices are: those that came last. A camera has
one, but a source may send images of ever new sizes, and the matrices of fifty near 1080×1920 take 246 MiB."""


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An (H, W, 3) uint8 image at ``size`` (height, width), as models take it; the image itself where it has that size.

    Each axis that gets smaller is averaged over areas, which keeps the picture free of aliasing, which a model would
    read as texture; each that gets larger is interpolated linearly.
    """
    (height, width), (target_height, target_width) = image.shape[:2], size
    if height > target_height or width > target_width:
        # By itself, before the other axis grows: OpenCV averages only where neither does.
        smaller = (min(width, target_width), min(height, target_height))
        image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    if image.shape[:2] != size:
        image = cv2.resize(image, (target_width, target_height), interpolation=cv2.INTER_LINEAR)
    return image


def resampling_matrix(source: int, target: int, averages: bool) -> np.ndarray:
    """(target, source) float32: what each new pixel of a row or column takes from each old one; its rows sum to 1.

    Either the average over the area it covers (``cv2.INTER_AREA``; for no more pixels than there are), or a linear
    interpolation of the two nearest centres (``cv2.INTER_LINEAR``), the border repeated.
    """
    if averages:
        edges = np.arange(target + 1) * (source / target)
        first, last = edges[:-1, None], edges[1:, None]
        pixels = np.arange(source)[None]
        covered = np.clip(np.minimum(last, pixels + 1) - np.maximum(first, pixels), 0.0, None)
        return (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
    centres = np.clip((np.arange(target) + 0.5) * (source / target) - 0.5, 0.0, source - 1.0)
    left = np.minimum(centres.astype(int), max(source - 2, 0))
    share = centres - left
    matrix = np.zeros((target, source), dtype=np.float32)
    matrix[np.arange(target), left] = 1.0 - share
    matrix[np.arange(target), np.minimum(left + 1, source - 1)] += share
    return matrix


def nearest_indices(source: int, target: int) -> np.ndarray:
    """(target,) int64: the old pixel nearest to the centre of each new one (``cv2.INTER_NEAREST_EXACT``).

    Of two that are equally near the one on the right or below; OpenCV 5 takes now one, now the other, by its rounding.
    """
    return np.minimum(((2 * np.arange(target) + 1) * source) // (2 * target), source - 1)


class Resampler:
    """Keeps what the last KEPT_SIZES sizes need, on one device.

    What is let go of may still be read by work on its way: that is in the stream it was made in, the one that computes,
    and the memory goes to later work of that stream only. No captured graph reads any of it, as graphs hold the model
    alone, from its input to masks of its size; were sizes changed in a graph, what it reads would have to outlive it,
    as ``SegmentationModel.kept_noise`` does.

    Args:
        size: (height, width) of the model's input in pixels.
        device: where images and masks are.
    """

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        self._size = size
        self._device = device
        self._matrices: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        self._indices: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def to_input(self, image: Tensor) -> Tensor:
        """(3, height, width) float32 in [−1, 1] of an (H, W, 3) uint8 image, rounded to levels as by ``resize``."""
        pixels = image.float()
        height, width = image.shape[0], image.shape[1]
        if (height, width) != self._size:
            rows, columns = _kept(self._matrices, (height, width), self._make_matrices)
            pixels = (rows @ pixels.flatten(1)).view(self._size[0], width, 3)
            # With the three colours as rows both are one large product each; as columns the second would be as many
            # thin ones as the image has rows, each of which reads the whole matrix again.
            pixels = pixels.transpose(1, 2).reshape(3 * self._size[0], width) @ columns.T
            pixels = pixels.round_().clamp_(0.0, 255.0).view(self._size[0], 3, self._size[1]).transpose(1, 2)
        return pixels.permute(2, 0, 1).div(127.5).sub(1.0)

    def to_size(self, map_: Tensor, size: tuple[int, int]) -> Tensor:
        """A map of the model's input size at ``size`` (height, width), each pixel from the nearest."""
        if size == self._size:
            return map_
        return map_[_kept(self._indices, size, self._make_indices)]

    def _make_matrices(self, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        rows, columns = (
            torch.from_numpy(resampling_matrix(source, target, source > target)).to(self._device)
            for source, target in zip(size, self._size, strict=True)
        )
        return rows, columns

    def _make_indices(self, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(nearest_indices(self._size[0], size[0])[:, None]).to(self._device),
            torch.from_numpy(nearest_indices(self._size[1], size[1])[None]).to(self._device),
        )


def _kept(
    kept: dict[tuple[int, int], tuple[Tensor, Tensor]],
    size: tuple[int, int],
    make: Callable[[tuple[int, int]], tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """The pair of a size, out of ``kept`` where it is there; ``kept`` is in the order of the last uses."""
    pair = kept.pop(size) if size in kept else make(size)
    kept[size] = pair
    if len(kept) > KEPT_SIZES:
        del kept[next(iter(kept))]
    return pair
