"""As many batches get a CUDA graph as there is memory for; the captures themselves need a GPU."""

import logging

import pytest
import torch

from camseg_core.runtime.graphs import capture_batches


def test_every_batch_is_captured_where_there_is_memory():
    captured: list[int] = []
    capture_batches(captured.append, 3, lambda: pytest.fail("nothing is to be freed"))
    assert captured == [1, 2, 3]


def test_from_the_first_that_finds_none_on_batches_go_without(caplog):
    captured: list[int] = []
    freed: list[int] = []

    def capture(batch: int) -> None:
        if batch == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore.")
        captured.append(batch)

    with caplog.at_level(logging.WARNING):
        capture_batches(capture, 8, lambda: freed.append(len(captured)))
    assert (captured, freed) == ([1, 2], [2])
    assert "batches of 3 and more images get no CUDA graph" in caplog.text
    assert "Tried to allocate 2 GiB." in caplog.text
    assert "More." not in caplog.text


def test_too_little_memory_for_one_image_is_the_callers_error():
    def capture(batch: int) -> None:
        raise torch.OutOfMemoryError(f"none for {batch}")

    with pytest.raises(torch.OutOfMemoryError, match="none for 1"):
        capture_batches(capture, 8, lambda: None)
