"""Buffers that go around: one set for each batch that may be on its way."""

import ctypes
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from camseg_core.runtime.streams import Streams

ALIGNMENT_BYTES = 16
"""Of every part of a buffer, so that it can be seen as numbers of any type."""


class Buffers:
    """Bytes on the host and as many on the GPU; they grow to the most that was asked for, and then allocate no more."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self.host = self.device = torch.empty(0, dtype=torch.uint8)

    def grow(self, size_bytes: int) -> None:
        """See to so many bytes; without memory for both buffers the pair stays as it is."""
        if self.host.numel() < size_bytes:
            self.host, self.device = self._streams.host_buffer(size_bytes), self._streams.device_buffer(size_bytes)

    def abandon(self) -> None:
        """Keep the page-locked buffer for as long as the process lives.

        Where one is freed, torch asks the GPU whether its copies have ended, and ends the process if that is lost.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.host))


class Outputs:
    """What was computed, on its way from the GPU to the host.

    ``store`` and ``download`` are the work of the streams that compute and download, ``take`` is the host's.
    """

    def __init__(self, streams: Streams) -> None:
        self._buffers = Buffers(streams)
        self._parts: list[tuple[int, torch.Size, torch.dtype]] = []
        self._size = 0

    def store(self, outputs: Sequence[Tensor]) -> None:
        """Keep what was computed until it is downloaded, so that what it was computed in may be used again."""
        self._parts, self._size = [], 0
        for output in outputs:
            self._parts.append((self._size, output.shape, output.dtype))
            self._size += _aligned(output.nbytes)
        self._buffers.grow(self._size)
        for output, kept in zip(outputs, self._views(self._buffers.device), strict=True):
            kept.copy_(output)

    def download(self) -> None:
        """All of it to the host in one copy."""
        self._buffers.host[: self._size].copy_(self._buffers.device[: self._size], non_blocking=True)

    def take(self) -> list[Tensor]:
        """All of it, copied out of the buffers."""
        return [output.clone() for output in self._views(self._buffers.host)]

    def abandon(self) -> None:
        """See Buffers."""
        self._buffers.abandon()

    def _views(self, buffer: Tensor) -> list[Tensor]:
        views = []
        for offset, shape, dtype in self._parts:
            size = shape.numel() * dtype.itemsize
            views.append(buffer[offset : offset + size].view(dtype).view(shape))
        return views


class Slot:
    """What one batch needs between host and GPU.

    Whoever calls ``load`` again has waited for what downloads began: nothing on the GPU reads or writes it then.

    Attributes:
        latents: of the batch's images.
        masks: with all else that is downloaded.
    """

    def __init__(self, streams: Streams) -> None:
        self._inputs = Buffers(streams)
        self._images: list[tuple[int, tuple[int, ...]]] = []
        self._size = 0
        self.latents = Outputs(streams)
        self.masks = Outputs(streams)

    def load(self, images: Sequence[np.ndarray]) -> None:
        """Copy (H, W, 3) uint8 images of any sizes to where the GPU can fetch them."""
        self._images, self._size = [], 0
        for image in images:
            self._images.append((self._size, image.shape))
            self._size += _aligned(image.nbytes)
        self._inputs.grow(self._size)
        host = self._inputs.host.numpy()
        for (offset, shape), image in zip(self._images, images, strict=True):
            host[offset : offset + image.nbytes].reshape(shape)[...] = image

    def upload(self) -> None:
        """All images to the GPU in one copy: the work of the stream that uploads."""
        self._inputs.device[: self._size].copy_(self._inputs.host[: self._size], non_blocking=True)

    def images(self) -> list[Tensor]:
        """The images on the GPU."""
        device = self._inputs.device
        return [device[offset : offset + int(np.prod(shape))].view(shape) for offset, shape in self._images]

    def abandon(self) -> None:
        """See Buffers, of all of them."""
        for buffers in (self._inputs, self.latents, self.masks):
            buffers.abandon()


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
