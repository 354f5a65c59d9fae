"""The worker serves the newest frame of each camera, fairly, never waits for its caller and counts every frame once."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camseg_ros.worker import FrameCounts, FrameWorker, Outcome

PATIENCE_S = 60.0
UNWATCHED, STALE, UNREADABLE, BAD = 100, 101, 102, 103


class Jobs:
    """Items are numbers; those above 99 stand for frames with something about them."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, int]]] = []
        self.failures: list[tuple[str, str]] = []

    def reason_to_drop(self, camera: str, item: int) -> Outcome | None:
        if item == UNREADABLE:
            raise ValueError("no header")
        return {UNWATCHED: Outcome.DROPPED_UNWATCHED, STALE: Outcome.DROPPED_STALE}.get(item)

    def process(self, batch: Sequence[tuple[str, int]]) -> dict[str, Exception]:
        self.batches.append(list(batch))
        return {camera: ValueError(f"bad item {item}") for camera, item in batch if item == BAD}

    def report_failure(self, camera: str, error: Exception) -> None:
        self.failures.append((camera, str(error)))


class GatedJobs(Jobs):
    """Holds each batch until it is let through."""

    def __init__(self) -> None:
        super().__init__()
        self._entered = threading.Semaphore(0)
        self._let_through = threading.Semaphore(0)

    def process(self, batch: Sequence[tuple[str, int]]) -> dict[str, Exception]:
        failures = super().process(batch)
        self._entered.release()
        assert self._let_through.acquire(timeout=PATIENCE_S)
        return failures

    def wait_until_busy(self) -> None:
        assert self._entered.acquire(timeout=PATIENCE_S)

    def let_through(self, times: int = 1) -> None:
        self._let_through.release(times)


@pytest.fixture
def gate() -> GatedJobs:
    return GatedJobs()


@pytest.fixture
def worker(gate):
    worker = FrameWorker(["front", "left", "right"], gate)
    yield worker
    gate.let_through(100)
    worker.close(PATIENCE_S)


def serve(worker: FrameWorker, camera: str, item: int) -> None:
    """Puts an item and waits until it was dealt with."""
    before = worker.counts(camera)
    worker.put(camera, item)
    give_up = threading.Event()
    for _ in range(int(PATIENCE_S * 1000)):
        counts = worker.counts(camera)
        if counts.pending == 0 and counts.received == before.received + 1:
            return
        give_up.wait(0.001)
    raise AssertionError(f"item {item} is still pending")


def test_while_busy_only_the_newest_waiting_frame_is_kept(worker, gate):
    worker.put("front", 1)
    gate.wait_until_busy()
    assert [worker.put("front", item) for item in (2, 3, 4)] == [False, True, True]  # whether it replaces one
    assert worker.counts("front") == FrameCounts(received=4, dropped_busy=2, pending=2)
    gate.let_through()
    gate.wait_until_busy()
    gate.let_through()
    assert worker.close(PATIENCE_S)
    assert gate.batches == [[("front", 1)], [("front", 4)]]
    assert worker.counts("front") == FrameCounts(received=4, processed=2, dropped_busy=2)


def test_overloaded_cameras_are_served_in_turn(worker, gate):
    worker.put("right", 0)
    gate.wait_until_busy()
    for round_ in range(1, 4):
        for _ in range(3):
            for camera in ("front", "left", "right"):
                worker.put(camera, round_)
            gate.let_through()
            gate.wait_until_busy()
    served = [batch[0][0] for batch in gate.batches[1:]]
    assert served == ["front", "left", "right"] * 3


def test_a_silent_camera_is_not_waited_for(worker, gate):
    gate.let_through(100)
    for item in range(5):
        serve(worker, "left", item)
    assert gate.batches == [[("left", item)] for item in range(5)]


def test_a_batch_holds_the_newest_frame_of_each_waiting_camera(gate):
    worker = FrameWorker(["front", "left", "right"], gate, max_batch=2)
    worker.put("front", 0)
    gate.wait_until_busy()
    for camera, item in (("front", 1), ("left", 1), ("right", 1), ("front", 2)):
        worker.put(camera, item)
    gate.let_through(3)
    gate.wait_until_busy()
    gate.wait_until_busy()
    assert worker.close(PATIENCE_S)
    assert gate.batches[1:] == [[("left", 1), ("right", 1)], [("front", 2)]]
    assert worker.counts("front") == FrameCounts(received=3, processed=2, dropped_busy=1)


@pytest.mark.parametrize(
    ("item", "counter", "failures"),
    [
        (1, "processed", []),
        (BAD, "failed", [("left", "bad item 103")]),
        (UNREADABLE, "failed", [("left", "no header")]),
        (UNWATCHED, "dropped_unwatched", []),
        (STALE, "dropped_stale", []),
    ],
)
def test_every_outcome_has_its_counter_and_the_next_frame_is_served(item, counter, failures):
    jobs = Jobs()
    worker = FrameWorker(["front", "left"], jobs)
    serve(worker, "left", item)
    serve(worker, "front", 7)
    assert worker.close(PATIENCE_S)
    assert worker.counts("left") == FrameCounts(received=1, **{counter: 1})
    assert worker.counts("front") == FrameCounts(received=1, processed=1)
    assert jobs.failures == failures
    assert jobs.batches[-1] == [("front", 7)]


def test_a_batch_that_fails_as_a_whole_fails_each_of_its_frames(worker, gate, monkeypatch):
    def run_out_of_memory(batch):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gate, "process", run_out_of_memory)
    serve(worker, "front", 1)
    assert gate.failures == [("front", "out of memory")]
    assert worker.counts("front") == FrameCounts(received=1, failed=1)


def test_a_failure_that_cannot_be_reported_is_counted_and_the_next_frame_is_served(worker, gate, monkeypatch, caplog):
    def refuse(camera, error):
        raise ValueError("Logger severity cannot be changed between calls.")

    monkeypatch.setattr(gate, "report_failure", refuse)
    gate.let_through(100)
    serve(worker, "front", BAD)
    assert worker.counts("front") == FrameCounts(received=1, failed=1)
    assert "front: bad item 103" in caplog.text
    assert "Logger severity" in caplog.text
    serve(worker, "front", 1)
    assert worker.counts("front") == FrameCounts(received=2, failed=1, processed=1)


def test_stopping_finishes_the_frame_in_work_drops_the_waiting_one_and_resuming_takes_frames_again(worker, gate):
    worker.put("front", 1)
    gate.wait_until_busy()
    worker.put("front", 2)
    worker.put("left", 2)
    gate.let_through()
    assert worker.stop(PATIENCE_S)
    worker.put("front", 3)
    assert worker.counts("front") == FrameCounts(received=3, processed=1, dropped_stopped=2)
    assert worker.counts("left") == FrameCounts(received=1, dropped_stopped=1)
    worker.resume()
    gate.let_through()
    serve(worker, "front", 4)
    assert worker.counts("front") == FrameCounts(received=4, processed=2, dropped_stopped=2)


def test_closing_says_when_the_frame_in_work_does_not_end(worker, gate):
    worker.put("front", 1)
    gate.wait_until_busy()
    assert not worker.close(timeout_s=0.01)
    assert worker.counts("front") == FrameCounts(received=1, pending=1)


CAMERAS = ("front", "left", "right")


@settings(max_examples=25, deadline=None)
@given(
    frames=st.lists(
        st.tuples(st.sampled_from(CAMERAS), st.sampled_from([1, 2, 3, BAD, STALE, UNWATCHED, UNREADABLE])),
        min_size=1,
        max_size=40,
    ),
    max_batch=st.integers(1, 3),
)
def test_counts_always_add_up_and_the_last_frame_of_a_camera_is_never_dropped_for_a_newer_one(frames, max_batch):
    jobs = Jobs()
    worker = FrameWorker(CAMERAS, jobs, max_batch)
    for camera, item in frames:
        worker.put(camera, item)
        now = worker.counts(camera)
        assert now.received == now.processed + now.dropped + now.failed + now.pending
    last = dict(frames)
    for camera, item in last.items():
        while worker.counts(camera).pending:
            pass
        end = worker.counts(camera)
        assert end.received == sum(name == camera for name, _ in frames) == end.processed + end.dropped + end.failed
        if item < UNWATCHED:
            assert [n for batch in jobs.batches for name, n in batch if name == camera][-1] == item
    assert worker.close(PATIENCE_S)
    assert all(len({name for name, _ in batch}) == len(batch) <= max_batch for batch in jobs.batches)
