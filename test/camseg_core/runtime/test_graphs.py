"""As many batches get a CUDA graph as there is memory for; the captures themselves need a GPU."""

import logging

import pytest
import torch

from camseg_core.runtime.graphs import capture_batches


def test_every_batch_is_captured_where_there_is_memory():
    captured: list[int] = []
    capture_batches(captured.append, 3, lambda: pytest.fail("nothing is to be freed"))
    assert captured == [3, 2, 1]  # the largest first: its memory serves the others too


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore."),
        torch.AcceleratorError("CUDA error: out of memory. Tried to allocate 2 GiB.\nMore."),
    ],
)
def test_batches_that_find_none_go_without(caplog, error):
    captured: list[int] = []
    freed: list[int] = []

    def capture(batch: int) -> None:
        if batch >= 3:
            raise error
        captured.append(batch)

    with caplog.at_level(logging.WARNING):
        capture_batches(capture, 4, lambda: freed.append(len(captured)))
    assert (captured, freed) == ([2, 1], [0, 0])
    assert "batches of 4 images get no CUDA graph" in caplog.text
    assert "batches of 3 images get no CUDA graph" in caplog.text
    assert "Tried to allocate 2 GiB." in caplog.text
    assert "More." not in caplog.text


def test_too_little_memory_for_one_image_is_the_callers_error():
    def capture(batch: int) -> None:
        raise torch.OutOfMemoryError(f"none for {batch}")

    with pytest.raises(torch.OutOfMemoryError, match="none for 1"):
        capture_batches(capture, 8, lambda: None)


def test_a_lost_device_is_no_lack_of_memory():
    def capture(batch: int) -> None:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(torch.AcceleratorError, match="illegal"):
        capture_batches(capture, 8, lambda: None)
