"""The worker serves the newest item, never waits for its caller and counts every item exactly once."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camseg_ros.worker import FrameCounts, NewestItemWorker

PATIENCE_S = 10.0


class Gate:
    """A process function that holds each item until it is let through, and notes what it was given."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self._entered = threading.Semaphore(0)
        self._let_through = threading.Semaphore(0)

    def __call__(self, item: int) -> None:
        self.taken.append(item)
        self._entered.release()
        assert self._let_through.acquire(timeout=PATIENCE_S)
        if item < 0:
            raise ValueError(f"bad item {item}")

    def wait_until_busy(self) -> None:
        assert self._entered.acquire(timeout=PATIENCE_S)

    def let_through(self) -> None:
        self._let_through.release()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def failures() -> list[tuple[int, str]]:
    return []


@pytest.fixture
def worker(gate, failures):
    worker = NewestItemWorker(gate, lambda item, error: failures.append((item, str(error))))
    yield worker
    gate.let_through()
    worker.close(PATIENCE_S)


def test_while_busy_only_the_newest_waiting_item_is_kept(worker, gate):
    worker.put(1)
    gate.wait_until_busy()
    for item in (2, 3, 4):
        worker.put(item)
    assert worker.counts() == FrameCounts(received=4, dropped=2, pending=2)
    gate.let_through()
    gate.wait_until_busy()
    gate.let_through()
    assert worker.close(PATIENCE_S)
    assert gate.taken == [1, 4]
    assert worker.counts() == FrameCounts(received=4, processed=2, dropped=2)


def test_failed_item_is_reported_and_the_next_one_served(worker, gate, failures):
    for item in (-5, 6):
        worker.put(item)
        gate.wait_until_busy()
        gate.let_through()
    assert worker.close(PATIENCE_S)
    assert failures == [(-5, "bad item -5")]
    assert worker.counts() == FrameCounts(received=2, processed=1, failed=1)


def test_unwanted_items_are_dropped_unprocessed(gate, failures):
    asked = threading.Semaphore(0)

    def is_wanted() -> bool:
        asked.release()
        return False

    worker = NewestItemWorker(gate, lambda item, error: failures.append((item, str(error))), is_wanted)
    worker.put(1)
    assert asked.acquire(timeout=PATIENCE_S)
    assert worker.close(PATIENCE_S)
    assert gate.taken == []
    assert worker.counts() == FrameCounts(received=1, dropped=1, unwatched=1)


def test_closing_finishes_the_item_in_work_and_drops_the_waiting_one(worker, gate):
    worker.put(1)
    gate.wait_until_busy()
    worker.put(2)
    gate.let_through()
    worker.close(PATIENCE_S)
    worker.put(3)
    counts = worker.counts()
    assert (counts.received, counts.pending, counts.processed + counts.dropped) == (3, 0, 3)
    assert gate.taken[0] == 1


def test_closing_says_when_the_item_in_work_does_not_end(worker, gate):
    worker.put(1)
    gate.wait_until_busy()
    assert not worker.close(timeout_s=0.01)
    assert worker.counts() == FrameCounts(received=1, pending=1)


@settings(max_examples=25, deadline=None)
@given(items=st.lists(st.integers(-3, 9), min_size=1, max_size=40))
def test_counts_always_add_up_and_the_last_item_is_never_dropped(items):
    done = threading.Event()
    last = len(items) - 1
    seen: list[int] = []

    def process(entry: tuple[int, int]) -> None:
        index, value = entry
        seen.append(index)
        if index == last:
            done.set()
        if value < 0:
            raise ValueError(value)

    worker = NewestItemWorker(process, lambda item, error: None)
    for entry in enumerate(items):
        worker.put(entry)
        now = worker.counts()
        assert now.received == now.processed + now.dropped + now.failed + now.pending
    assert done.wait(PATIENCE_S)
    assert worker.close(PATIENCE_S)
    end = worker.counts()
    assert seen == sorted(seen)
    assert (end.received, end.pending) == (len(items), 0)
    assert end.failed == sum(items[index] < 0 for index in seen)
    assert end.processed == len(seen) - end.failed
    assert end.dropped == len(items) - len(seen)
