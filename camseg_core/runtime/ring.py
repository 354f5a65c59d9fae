"""Buffers that go around: one set for each batch that may be on its way."""

import ctypes
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from camseg_core.runtime.streams import Streams

ALIGNMENT_BYTES = 16
"""Of every part of a buffer, so that it can be seen as numbers of any type."""


class Slot:
    """What one batch needs between host and GPU; grows to the largest batch it has held, and then allocates no more.

    Its methods are the work of the streams of those names, except ``load`` and ``take``, which are the host's. Whoever
    calls ``load`` again has waited for what ``download`` began: nothing on the GPU reads or writes the buffers then.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._host_in = self._device_in = self._host_out = self._device_out = torch.empty(0, dtype=torch.uint8)
        self._images: list[tuple[int, tuple[int, ...]]] = []
        self._outputs: list[tuple[int, torch.Size, torch.dtype]] = []
        self._size_in = self._size_out = 0

    def load(self, images: Sequence[np.ndarray]) -> None:
        """Copy (H, W, 3) uint8 images of any sizes to where the GPU can fetch them."""
        self._images, self._size_in = [], 0
        for image in images:
            self._images.append((self._size_in, image.shape))
            self._size_in += _aligned(image.nbytes)
        if self._host_in.numel() < self._size_in:
            self._host_in, self._device_in = self._buffers(self._size_in)
        host = self._host_in.numpy()
        for (offset, shape), image in zip(self._images, images, strict=True):
            host[offset : offset + image.nbytes].reshape(shape)[...] = image

    def upload(self) -> None:
        """All images to the GPU in one copy."""
        self._device_in[: self._size_in].copy_(self._host_in[: self._size_in], non_blocking=True)

    def images(self) -> list[Tensor]:
        """The images on the GPU."""
        return [self._device_in[offset : offset + int(np.prod(shape))].view(shape) for offset, shape in self._images]

    def store(self, outputs: Sequence[Tensor]) -> None:
        """Keep what was computed until it is downloaded, so that what it was computed in may be used again."""
        self._outputs, self._size_out = [], 0
        for output in outputs:
            self._outputs.append((self._size_out, output.shape, output.dtype))
            self._size_out += _aligned(output.nbytes)
        if self._device_out.numel() < self._size_out:
            self._host_out, self._device_out = self._buffers(self._size_out)
        for output, kept in zip(outputs, self._views(self._device_out), strict=True):
            kept.copy_(output)

    def download(self) -> None:
        """All that was computed to the host in one copy."""
        self._host_out[: self._size_out].copy_(self._device_out[: self._size_out], non_blocking=True)

    def take(self) -> list[Tensor]:
        """What was computed, copied out of the slot, which is free then."""
        return [output.clone() for output in self._views(self._host_out)]

    def abandon(self) -> None:
        """Keep the page-locked buffers for as long as the process lives.

        Where one is freed, torch asks the GPU whether its copies have ended, and ends the process if that is lost.
        """
        for buffer in (self._host_in, self._host_out):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(buffer))

    def _buffers(self, size_bytes: int) -> tuple[Tensor, Tensor]:
        """One on the host and one on the GPU, or neither: without memory for both, the slot keeps the pair it has."""
        return self._streams.host_buffer(size_bytes), self._streams.device_buffer(size_bytes)

    def _views(self, buffer: Tensor) -> list[Tensor]:
        views = []
        for offset, shape, dtype in self._outputs:
            size = shape.numel() * dtype.itemsize
            views.append(buffer[offset : offset + size].view(dtype).view(shape))
        return views


class Ring:
    """As many slots as batches may be on their way."""

    def __init__(self, streams: Streams, slots: int) -> None:
        self._slots = tuple(Slot(streams) for _ in range(slots))
        self._free = list(self._slots)

    def acquire(self) -> Slot | None:
        """A free slot, the one free longest; None if there is none."""
        return self._free.pop(0) if self._free else None

    def release(self, slot: Slot) -> None:
        """Give a slot back when nothing on the GPU uses it any more."""
        self._free.append(slot)

    def abandon(self) -> None:
        """See Slot, of all of them, also of those in use."""
        for slot in self._slots:
            slot.abandon()


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
