"""What a GPU can fail with and an engine survives: no memory left, and a device that is lost."""

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camseg_core.errors import InferenceError, first_line
from camseg_core.runtime.graphs import is_out_of_memory
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.runner import Request, Runner

REBUILD_AGAIN_AFTER_S = 10.0
"""A lost device that could not be set up anew is left alone for this time: each try reads all weights from disk, and
most often nothing but a new process helps."""


@dataclass(frozen=True)
class _Ticket:
    """A batch by number, without anything of the runner's: whoever holds it would hold a lost one's memory with it."""

    number: int
    images: Sequence[np.ndarray]
    request: Request


class RecoveringRunner:
    """See Runner. Where memory is short, a batch is halved, down to single images; a lost device gets a new runner.

    Args:
        make_runner: makes a runner, with its model, on the device anew.
        free_memory: gives back to the device what is kept of its memory for later.
        clock: monotonic time, seconds.
    """

    def __init__(
        self, make_runner: Callable[[], Runner], free_memory: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        self._make_runner = make_runner
        self._free_memory = free_memory
        self._clock = clock
        self._runner: Runner | None = make_runner()
        self._numbers = count()
        # The runner's own tickets of the batches on their way, by our numbers; those of a lost one are not here.
        self._inner: dict[int, Any] = {}
        self._lost_by = ""
        self._refusal = ""
        self._refused_at_s = 0.0

    def submit(self, images: Sequence[np.ndarray], request: Request) -> _Ticket:
        """See Runner.

        Raises:
            InferenceError: the device is lost and cannot be had again. REBUILD_AGAIN_AFTER_S after the last try it is
                tried again.
        """
        runner = self._runner
        if runner is None:
            if self._clock() - self._refused_at_s < REBUILD_AGAIN_AFTER_S:
                raise InferenceError(self._refusal)
            runner = self._rebuild()
        ticket = _Ticket(next(self._numbers), images, request)
        self._inner[ticket.number] = runner.submit(images, request)
        return ticket

    def latents(self, ticket: _Ticket) -> list[Tensor] | None:
        """See Runner."""
        if self._runner is None or ticket.number not in self._inner:
            return None
        return self._runner.latents(self._inner[ticket.number])

    def collect(self, ticket: _Ticket) -> list[Prediction]:
        """See Runner.

        Raises:
            InferenceError: there is too little memory for a single image, or the device was lost. It has been set up
                anew then, if the message does not say otherwise, and later batches go on.
        """
        if self._runner is None or ticket.number not in self._inner:
            raise InferenceError("the batch was on its way when the device was lost; expected it to be handed in again")
        try:
            return self._runner.collect(self._inner.pop(ticket.number))
        except (torch.OutOfMemoryError, torch.AcceleratorError) as error:
            reason = first_line(error)
            if not is_out_of_memory(error):
                self._lost_by = reason
                _forget_locals(error)
                self._rebuild()
                raise InferenceError(f"the device was lost and has been set up anew: {reason}") from error
        # Outside the handler and with nothing but the error's text: its traceback keeps what the failed call had
        # allocated, which could be neither given back nor used for the halves.
        self._free_memory()
        return self._collect_in_halves(ticket, reason)

    def close(self) -> None:
        """See Runner."""
        if self._runner is not None:
            self._runner.close()

    def abandon(self) -> None:
        """See Runner."""
        if self._runner is not None:
            self._runner.abandon()

    def _collect_in_halves(self, ticket: _Ticket, reason: str) -> list[Prediction]:
        count = len(ticket.images)
        if count == 1:
            height, width = ticket.images[0].shape[:2]
            raise InferenceError(
                f"not enough GPU memory for one image of {height}×{width}: {reason}; expected a larger "
                "gpu_memory_fraction, a smaller model, or fewer programs on the GPU"
            )
        halves = (ticket.images[: count // 2], ticket.images[count // 2 :])
        return [prediction for half in halves for prediction in self.collect(self.submit(half, ticket.request))]

    def _rebuild(self) -> Runner:
        """A new runner in the place of the old one, which is let go first: there may be no memory for both."""
        if self._runner is not None:
            self._runner.abandon()
        self._runner = None
        self._inner.clear()
        try:
            self._runner = self._make_runner()
        except Exception as error:
            self._refusal = (
                f"the device was lost ({self._lost_by}) and cannot be set up anew ({first_line(error)}); "
                "expected the process to be restarted"
            )
            self._refused_at_s = self._clock()
            _forget_locals(error)
            raise InferenceError(self._refusal) from error
        return self._runner


def _forget_locals(error: BaseException) -> None:
    """Let an error say where it came from without keeping what was there: a runner, and what a batch had allocated."""
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)
        cause = cause.__cause__ or cause.__context__
