"""CUDA graphs: kernels launched as one, in memory where they were captured."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from camseg_core.errors import first_line

WARM_UP_RUNS = 3
"""Before a capture, as torch.cuda.graphs asks for: libraries choose kernels and allocate workspaces in the first."""


@dataclass(frozen=True)
class CapturedGraph:
    """What a function does, captured.

    Attributes:
        graph: the kernels. They read what the function read, from the same memory.
        outputs: what they write. Graphs captured later into the same pool leave it alone while it is held, those
            captured before may write over it when they are replayed.
    """

    graph: torch.cuda.CUDAGraph
    outputs: tuple[Tensor, ...]

    def replay(self) -> tuple[Tensor, ...]:
        """The function's outputs, launched in the current stream."""
        self.graph.replay()
        return self.outputs


def capture(function: Callable[[], tuple[Tensor, ...]], stream: torch.cuda.Stream, pool: Any) -> CapturedGraph:
    """Capture ``function`` in ``stream``; waits for all work of the device.

    Args:
        function: launches kernels and neither reads a number back nor copies from the host once it has been warm. What
            it reads, the caller holds for as long as the graph is replayed.
        stream: where it will be replayed.
        pool: memory that graphs replayed one after another share, from ``torch.cuda.graph_pool_handle``.
    """
    stream.wait_stream(torch.cuda.current_stream(stream.device))
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_RUNS):
            function()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
        outputs = function()
    return CapturedGraph(graph, outputs)


def capture_batches(capture_batch: Callable[[int], None], max_batch: int, free_memory: Callable[[], None]) -> None:
    """Capture batches of ``max_batch``, …, 2, 1 images, those that there is memory for.

    The largest comes first, so that smaller ones find their memory in the pool that they share. A batch that has no
    graph is computed without, and is halved where there is too little memory for that too.

    Args:
        capture_batch: captures all requests at a batch's size.
        max_batch: images in the largest one.
        free_memory: gives back to the device what is kept of its memory for later.

    Raises:
        torch.OutOfMemoryError: there is too little memory for a single image.
    """
    for batch in range(max_batch, 1, -1):
        if reason := lack_of_memory(partial(capture_batch, batch), free_memory):
            logging.getLogger(__name__).warning(
                f"batches of {batch} images get no CUDA graph, for lack of GPU memory: {reason}"
            )
    capture_batch(1)


def lack_of_memory(capture: Callable[[], None], free_memory: Callable[[], None]) -> str:
    """Capture; why there was too little memory for it, or "" where there was enough. Other errors are raised."""
    try:
        capture()
        return ""
    except (torch.OutOfMemoryError, torch.AcceleratorError) as error:
        if not is_out_of_memory(error):
            raise
        reason = first_line(error)
    # Outside the handler: the error's traceback keeps what the failed capture had allocated.
    free_memory()
    return reason


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a GPU failed for lack of memory: what torch's allocator does not ask for fails with CUDA's own error."""
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in first_line(error)
