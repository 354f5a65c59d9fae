"""Runs a model on a GPU: the next batch is uploaded and the last one downloaded while one is computed."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from camseg_core.errors import InferenceError
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.ring import Outputs, Ring, Slot
from camseg_core.runtime.runner import MAX_IN_FLIGHT, Request
from camseg_core.runtime.stages import stage
from camseg_core.runtime.streams import Streams


@dataclass(frozen=True)
class EncodedBatch:
    """Images on their way through a model.

    Attributes:
        pixels: (N, 3, H, W) float32 in [−1, 1] of the model's input size.
        latents: (N, C, h, w) float32, their posterior means.
    """

    pixels: Tensor
    latents: Tensor


class Computation(Protocol):
    """A model with all that lies between images and masks, in two parts. Neither makes the host wait for anything."""

    def encode(self, images: Sequence[Tensor]) -> EncodedBatch:
        """From (H, W, 3) uint8 images on the GPU, of any sizes, to their latents."""

    def segment(self, encoded: EncodedBatch, sizes: Sequence[tuple[int, int]], request: Request) -> Sequence[Tensor]:
        """What else is downloaded: labels (H, W) uint8 and, if the request says so, confidence (H, W) float32.

        One image after another, at the size given for it. It is called next after ``encode``, with what that gave.
        """


@dataclass
class Ticket:
    """A batch on its way.

    Attributes:
        slot: its buffers.
        request: what was asked.
        encoded: event of its latents.
        ended: event of its last work.
        latents: once they were asked for.
        error: what went wrong so far.
    """

    slot: Slot
    request: Request
    encoded: Any = None
    ended: Any = None
    latents: list[Tensor] | None = None
    error: Exception | None = None


class StreamRunner:
    """See Runner. One stream uploads, one computes, one downloads; events keep the order.

    Only ``latents`` and ``collect`` wait. Latents are downloaded while masks are computed from them.

    Args:
        streams: where work is put.
        model: what is computed.
        device: what the streams are of.
    """

    def __init__(self, streams: Streams, model: Computation, device: torch.device) -> None:
        self._device = device
        self._streams = streams
        self._model = model
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
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        encoded: list[EncodedBatch] = []

        def encode() -> None:
            encoded.append(self._model.encode(slot.images()))
            slot.latents.store(list(encoded[0].latents))

        def segment() -> None:
            slot.masks.store(self._model.segment(encoded.pop(), sizes, request))

        try:
            slot.load(images)
            streams.enqueue("upload", lambda: self._pass("upload", slot.upload))
            streams.wait("compute", streams.record("upload"))
            streams.enqueue("compute", encode)
            ticket.encoded = self._download(slot.latents)
            streams.enqueue("compute", segment)
            ticket.ended = self._download(slot.masks)
        except Exception as error:  # of whatever kind: the caller gets it with the batch's result, in its turn
            # Until then other batches may need the memory of what this one had allocated, which the traceback keeps.
            traceback.clear_frames(error.__traceback__)
            encoded.clear()  # in this frame, which is not among those
            ticket.error = error
        return ticket

    def latents(self, ticket: Ticket) -> list[Tensor] | None:
        """See Runner."""
        if ticket.error is None and ticket.latents is None:
            try:
                self._streams.synchronize(ticket.encoded)
                ticket.latents = ticket.slot.latents.take()
            except Exception as error:  # of whatever kind: ``collect`` raises it
                traceback.clear_frames(error.__traceback__)
                ticket.error = error
        return ticket.latents if ticket.error is None else None

    def collect(self, ticket: Ticket) -> list[Prediction]:
        """See Runner."""
        try:
            if ticket.error is not None:
                # What was begun before the failure may still read the buffers.
                for stream in ("upload", "compute", "download"):
                    self._streams.synchronize(self._streams.record(stream))
                raise ticket.error
            self._streams.synchronize(ticket.ended)
            latents, masks = ticket.latents or ticket.slot.latents.take(), ticket.slot.masks.take()
        finally:
            # The traceback holds this frame, and so the ticket: a cycle, which would keep images and buffers alive.
            ticket.error = None
            self._ring.release(ticket.slot)
        return _predictions(latents, masks, ticket.request.with_confidence)

    def close(self) -> None:
        """See Runner."""
        for stream in ("upload", "compute", "download"):
            self._streams.synchronize(self._streams.record(stream))

    def abandon(self) -> None:
        """See Runner."""
        self._ring.abandon()

    def _download(self, outputs: Outputs) -> Any:
        """Have the host get what will have been computed by then; the event of its arrival."""
        self._streams.wait("download", self._streams.record("compute"))
        self._streams.enqueue("download", lambda: self._pass("download", outputs.download))
        return self._streams.record("download")

    def _pass(self, name: str, work: Callable[[], None]) -> None:
        with stage(name, self._device):
            work()


def _predictions(latents: Sequence[Tensor], masks: Sequence[Tensor], with_confidence: bool) -> list[Prediction]:
    parts = 2 if with_confidence else 1
    return [
        Prediction(masks[first].numpy(), latent, masks[first + 1].numpy() if with_confidence else None)
        for latent, first in zip(latents, range(0, len(masks), parts), strict=True)
    ]
