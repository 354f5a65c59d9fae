"""What the engine asks of whatever runs its model, and the one that runs it on the CPU."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import Prediction, predict_batch

MAX_IN_FLIGHT = 3
"""Batches that may be on their way at once: on a GPU one uploads, one computes, one downloads; more would only wait."""


@dataclass(frozen=True)
class Request:
    """What is asked of a batch.

    Attributes:
        sampling: how masks are drawn.
        with_confidence: whether the predictions hold the confidence.
        at_model_size: leave labels and confidence at the model's input size.
    """

    sampling: SamplingSettings
    with_confidence: bool = False
    at_model_size: bool = False


class Runner(Protocol):
    """Runs a model on batches of images, of which up to MAX_IN_FLIGHT are on their way at once, in their order."""

    def submit(self, images: Sequence[np.ndarray], request: Request) -> Any:
        """Begin with (H, W, 3) uint8 images of any sizes and return a ticket. What goes wrong, ``collect`` raises."""

    def latents(self, ticket: Any) -> list[Tensor] | None:
        """The image latents of a batch, for which it waits, before its predictions are collected.

        None where they come no sooner than these, or something went wrong, which ``collect`` sees to.
        """

    def collect(self, ticket: Any) -> list[Prediction]:
        """The predictions of a batch, for which it waits; once for each ticket, in the order of the tickets."""

    def close(self) -> None:
        """End; what is on its way is lost."""

    def abandon(self) -> None:
        """The device is lost: from now on nothing may touch it for this runner, not even where it is let go of."""


class HostRunner:
    """Runs a model on the CPU, in a thread of its own, so that the caller can see to other frames meanwhile.

    The model is made in that thread too. A thread in which torch has computed something keeps threads that help it, and
    OpenMP counts those of all: with more than there are cores, they sleep as soon as they have nothing to do, and to
    wake them hundreds of times a frame takes a third of it.

    Args:
        make_model: gives a model in evaluation mode on the CPU; what it raises is raised here.
    """

    def __init__(self, make_model: Callable[[], SegmentationModel]) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        try:
            self._model = self._thread.submit(make_model).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    def submit(self, images: Sequence[np.ndarray], request: Request) -> Future[list[Prediction]]:
        """See Runner."""
        # The caller's context goes with the work, so that ``record_stages`` measures it.
        context = contextvars.copy_context()
        return self._thread.submit(
            context.run,
            predict_batch,
            self._model,
            images,
            request.sampling,
            request.with_confidence,
            request.at_model_size,
        )

    def latents(self, ticket: Future[list[Prediction]]) -> None:
        """See Runner: with both cores at work on the masks, drift would gain nothing by being judged beside them."""

    def collect(self, ticket: Future[list[Prediction]]) -> list[Prediction]:
        """See Runner."""
        return ticket.result()

    def close(self) -> None:
        """See Runner."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def abandon(self) -> None:
        """See Runner; a CPU is not lost."""
