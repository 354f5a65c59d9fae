"""Runs a model on a GPU: the next batch is uploaded and the last one downloaded while one is computed."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camseg_core.errors import InferenceError
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.ring import Ring, Slot
from camseg_core.runtime.runner import MAX_IN_FLIGHT, Request
from camseg_core.runtime.stages import stage
from camseg_core.runtime.streams import Streams

Compute = Callable[[Sequence[Tensor], Request], Sequence[Tensor]]
"""From (H, W, 3) uint8 images on the GPU to what is downloaded of each: labels (H, W) uint8, image latent (C, h, w)
float32 and, if the request says so, confidence (H, W) float32; one image after another. Makes the host wait for
nothing."""


@dataclass
class Ticket:
    """A batch on its way.

    Attributes:
        slot: its buffers.
        request: what was asked.
        ended: event of its last work.
        error: what went wrong when it was handed in.
    """

    slot: Slot
    request: Request
    ended: Any = None
    error: Exception | None = None


class StreamRunner:
    """See Runner. One stream uploads, one computes, one downloads; events keep the order, and only ``collect`` waits.

    Args:
        streams: where work is put.
        compute: the model, with all that lies between images and masks.
        device: what the streams are of.
    """

    def __init__(self, streams: Streams, compute: Compute, device: torch.device) -> None:
        self._device = device
        self._streams = streams
        self._compute = compute
        self._ring = Ring(streams, MAX_IN_FLIGHT)

    def submit(self, images: Sequence[np.ndarray], request: Request) -> Ticket:
        """See Runner.

        Raises:
            InferenceError: MAX_IN_FLIGHT batches have not been collected.
        """
        slot = self._ring.acquire()
        if slot is None:
            raise InferenceError(f"{MAX_IN_FLIGHT} batches are on their way; expected one to be collected first")
        ticket, streams = Ticket(slot, request), self._streams
        try:
            slot.load(images)
            streams.enqueue("upload", lambda: self._pass("upload", slot.upload))
            streams.wait("compute", streams.record("upload"))
            streams.enqueue("compute", lambda: slot.store(self._compute(slot.images(), request)))
            streams.wait("download", streams.record("compute"))
            streams.enqueue("download", lambda: self._pass("download", slot.download))
            ticket.ended = streams.record("download")
        except Exception as error:  # of whatever kind: the caller gets it with the batch's result, in its turn
            # Until then other batches may need the memory of what this one had allocated, which the traceback keeps.
            traceback.clear_frames(error.__traceback__)
            ticket.error = error
        return ticket

    def collect(self, ticket: Ticket) -> list[Prediction]:
        """See Runner."""
        try:
            if ticket.error is not None:
                # What was begun before the failure may still read the buffers.
                for stream in ("upload", "compute", "download"):
                    self._streams.synchronize(self._streams.record(stream))
                raise ticket.error
            self._streams.synchronize(ticket.ended)
            outputs = ticket.slot.take()
        finally:
            # The traceback holds this frame, and so the ticket: a cycle, which would keep images and buffers alive.
            ticket.error = None
            self._ring.release(ticket.slot)
        return _predictions(outputs, ticket.request.with_confidence)

    def close(self) -> None:
        """See Runner."""
        for stream in ("upload", "compute", "download"):
            self._streams.synchronize(self._streams.record(stream))

    def abandon(self) -> None:
        """See Runner."""
        self._ring.abandon()

    def _pass(self, name: str, work: Callable[[], None]) -> None:
        with stage(name, self._device):
            work()


def _predictions(outputs: Sequence[Tensor], with_confidence: bool) -> list[Prediction]:
    parts = 3 if with_confidence else 2
    return [
        Prediction(outputs[first].numpy(), outputs[first + 1], outputs[first + 2].numpy() if with_confidence else None)
        for first in range(0, len(outputs), parts)
    ]
