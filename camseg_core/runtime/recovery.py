"""What a GPU can fail with and an engine survives: no memory left, and a device that is lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from camseg_core.errors import InferenceError
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.runner import Request, Runner


@dataclass(frozen=True)
class _Ticket:
    runner: Runner
    inner: Any
    images: Sequence[np.ndarray]
    request: Request


class RecoveringRunner:
    """See Runner. Where memory is short, a batch is halved, down to single images; a lost device gets a new runner.

    Args:
        make_runner: makes a runner, with its model, on the device anew.
        free_memory: gives back to the device what is kept of its memory for later.
    """

    def __init__(self, make_runner: Callable[[], Runner], free_memory: Callable[[], None]) -> None:
        self._make_runner = make_runner
        self._free_memory = free_memory
        self._runner: Runner | None = make_runner()

    def submit(self, images: Sequence[np.ndarray], request: Request) -> _Ticket:
        """See Runner.

        Raises:
            InferenceError: the device is lost and cannot be had again.
        """
        runner = self._runner if self._runner is not None else self._rebuild("was lost before")
        return _Ticket(runner, runner.submit(images, request), images, request)

    def collect(self, ticket: _Ticket) -> list[Prediction]:
        """See Runner.

        Raises:
            InferenceError: there is too little memory for a single image, or the device was lost. It has been set up
                anew then, if the message does not say otherwise, and later batches go on.
        """
        if ticket.runner is not self._runner:
            raise InferenceError("the batch was on its way when the device was lost; expected it to be handed in again")
        try:
            return ticket.runner.collect(ticket.inner)
        except torch.OutOfMemoryError as error:
            failure: Exception = error
        except torch.AcceleratorError as error:
            self._rebuild(str(error))
            raise InferenceError(f"the device was lost and has been set up anew: {_first_line(error)}") from error
        # Outside the handler, which keeps alive what the failed call had allocated.
        self._free_memory()
        return self._collect_in_halves(ticket, failure)

    def close(self) -> None:
        """See Runner."""
        if self._runner is not None:
            self._runner.close()

    def _collect_in_halves(self, ticket: _Ticket, failure: Exception) -> list[Prediction]:
        count = len(ticket.images)
        if count == 1:
            height, width = ticket.images[0].shape[:2]
            raise InferenceError(
                f"not enough GPU memory for one image of {height}×{width}: {_first_line(failure)}; expected a larger "
                "gpu_memory_fraction, a smaller model, or fewer programs on the GPU"
            )
        halves = (ticket.images[: count // 2], ticket.images[count // 2 :])
        return [prediction for half in halves for prediction in self.collect(self.submit(half, ticket.request))]

    def _rebuild(self, reason: str) -> Runner:
        """A new runner in the place of the old one, which is let go first."""
        self._runner = None
        try:
            self._runner = self._make_runner()
        except Exception as error:
            raise InferenceError(
                f"the device was lost ({reason.splitlines()[0]}) and cannot be set up anew ({_first_line(error)}); "
                "expected the process to be restarted"
            ) from error
        return self._runner


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
