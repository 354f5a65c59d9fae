"""Queues of work on a GPU, and the few things that a pipeline asks of them."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor


class Streams(Protocol):
    """Named queues of work. Work of one queue runs in order, that of different ones at the same time.

    A seam: the pipeline above it is tested with a double whose work waits until something asks for it.
    """

    def enqueue(self, stream: str, work: Callable[[], None]) -> None:
        """Put work that launches kernels or copies, but waits for none, at the end of a queue."""

    def record(self, stream: str) -> Any:
        """An event that comes when all that is in the queue by now has ended."""

    def wait(self, stream: str, event: Any) -> None:
        """Let what is put into a queue from now on begin after the event; the host goes on."""

    def synchronize(self, event: Any) -> None:
        """Let the host wait for the event."""

    def host_buffer(self, size_bytes: int) -> Tensor:
        """(size_bytes,) uint8 on the host, from and to which the GPU copies while the host goes on."""

    def device_buffer(self, size_bytes: int) -> Tensor:
        """(size_bytes,) uint8 on the GPU."""


class CudaStreams:
    """CUDA streams, made when first named."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._streams: dict[str, torch.cuda.Stream] = {}

    def stream(self, name: str) -> torch.cuda.Stream:
        """The stream called ``name``."""
        if name not in self._streams:
            self._streams[name] = torch.cuda.Stream(self._device)
        return self._streams[name]

    def enqueue(self, stream: str, work: Callable[[], None]) -> None:
        """See Streams."""
        with torch.cuda.stream(self.stream(stream)):
            work()

    def record(self, stream: str) -> torch.cuda.Event:
        """See Streams."""
        event = torch.cuda.Event()
        event.record(self.stream(stream))
        return event

    def wait(self, stream: str, event: torch.cuda.Event) -> None:
        """See Streams."""
        self.stream(stream).wait_event(event)

    def synchronize(self, event: torch.cuda.Event) -> None:
        """See Streams."""
        event.synchronize()

    def host_buffer(self, size_bytes: int) -> Tensor:
        """See Streams: page-locked, without which a copy would make the host wait."""
        return torch.empty(size_bytes, dtype=torch.uint8, pin_memory=True)

    def device_buffer(self, size_bytes: int) -> Tensor:
        """See Streams."""
        return torch.empty(size_bytes, dtype=torch.uint8, device=self._device)
