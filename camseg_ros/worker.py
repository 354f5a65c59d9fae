"""One thread that works on the newest frame of each camera. Free of ROS, so that its counting is tested by itself."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")
ItemTaken = TypeVar("ItemTaken", contravariant=True)


class Outcome(Enum):
    """What became of a frame."""

    PROCESSED = "processed"
    FAILED = "failed"
    DROPPED_BUSY = "dropped_busy"
    DROPPED_STALE = "dropped_stale"
    DROPPED_UNWATCHED = "dropped_unwatched"
    DROPPED_STOPPED = "dropped_stopped"


@dataclass(frozen=True)
class FrameCounts:
    """What became of one camera's frames so far; always ``received == processed + dropped + failed + pending``.

    Attributes:
        received: frames handed in.
        processed: frames whose results were published.
        failed: frames whose processing raised an error.
        dropped_busy: frames that a newer one replaced before their turn came.
        dropped_stale: frames that were too old when their turn came.
        dropped_unwatched: frames whose results nobody wanted.
        dropped_stopped: frames that came, or still waited, when work was stopped.
        pending: frames waiting or being processed now, 0 to 2.
    """

    received: int = 0
    processed: int = 0
    failed: int = 0
    dropped_busy: int = 0
    dropped_stale: int = 0
    dropped_unwatched: int = 0
    dropped_stopped: int = 0
    pending: int = 0

    @property
    def dropped(self) -> int:
        """Frames dropped for whatever reason."""
        return self.dropped_busy + self.dropped_stale + self.dropped_unwatched + self.dropped_stopped


class FrameJobs(Protocol[ItemTaken]):
    """What is done with frames; called in the worker's thread only."""

    def reason_to_drop(self, camera: str, item: ItemTaken) -> Outcome | None:
        """Why a frame whose turn has come is not processed; None where it is."""

    def process(self, batch: Sequence[tuple[str, ItemTaken]]) -> Mapping[str, Exception]:
        """Processes frames of different cameras; returns the errors of those cameras whose frame failed.

        An error that it raises counts for every frame of the batch.
        """

    def report_failure(self, camera: str, error: Exception) -> None:
        """Told of every failed frame. An error that it raises is logged, and costs nothing else."""


class FrameWorker(Generic[Item]):
    """Processes frames in a thread of its own; while it is busy, a camera's newer frame replaces its waiting one.

    The newest frame of a camera is therefore never the one dropped, and handing one in never waits. Cameras with a
    frame waiting are served in turn, the one served longest ago first; none waits for a camera without a frame.
    """

    def __init__(self, cameras: Sequence[str], jobs: FrameJobs[Item], max_batch: int = 1) -> None:
        """Starts the thread.

        Args:
            cameras: their names.
            jobs: what is done with the frames.
            max_batch: how many frames are processed together at most, one of a camera; 1 or more.
        """
        self._jobs = jobs
        self._max_batch = max_batch
        self._changed = threading.Condition()
        self._turn = list(cameras)
        self._waiting: dict[str, Item] = {}
        self._busy: set[str] = set()
        self._accepts = True
        self._closed = False
        self._received: Counter[str] = Counter()
        self._outcomes: Counter[tuple[str, Outcome]] = Counter()
        self._thread = threading.Thread(target=self._run, name="camseg_worker", daemon=True)
        self._thread.start()

    def put(self, camera: str, item: Item) -> bool:
        """Hands in a frame; returns at once, whether it replaced one. While stopped it is counted as dropped."""
        with self._changed:
            self._received[camera] += 1
            if not self._accepts:
                self._outcomes[camera, Outcome.DROPPED_STOPPED] += 1
                return False
            replaces_one = camera in self._waiting
            self._outcomes[camera, Outcome.DROPPED_BUSY] += replaces_one
            self._waiting[camera] = item
            self._changed.notify_all()
            return replaces_one

    def counts(self, camera: str) -> FrameCounts:
        """A consistent snapshot of a camera's counters."""
        with self._changed:
            return FrameCounts(
                received=self._received[camera],
                pending=(camera in self._waiting) + (camera in self._busy),
                **{outcome.value: self._outcomes[camera, outcome] for outcome in Outcome},
            )

    def resume(self) -> None:
        """Accepts frames again after ``stop``."""
        with self._changed:
            self._accepts = True

    def stop(self, timeout_s: float) -> bool:
        """Drops the waiting frames and lets those in work end; until ``resume`` no frame is accepted.

        Args:
            timeout_s: how long to wait for the frames in work, seconds.

        Returns:
            Whether nothing is in work any more.
        """
        with self._changed:
            self._accepts = False
            for camera in self._waiting:
                self._outcomes[camera, Outcome.DROPPED_STOPPED] += 1
            self._waiting.clear()
            return self._changed.wait_for(lambda: not self._busy, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Stops as ``stop`` does and ends the thread; closing twice is harmless."""
        has_stopped = self.stop(timeout_s)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if has_stopped:
            self._thread.join()
        return has_stopped

    def _run(self) -> None:
        while batch := self._take():
            outcomes = self._work_on(batch)
            with self._changed:
                self._outcomes.update(outcomes.items())
                self._busy.clear()
                self._changed.notify_all()

    def _take(self) -> list[tuple[str, Item]]:
        """Waits for frames, marks them as being in work and puts their cameras last in turn; nothing once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return []
            taken = [camera for camera in self._turn if camera in self._waiting][: self._max_batch]
            self._turn = [camera for camera in self._turn if camera not in taken] + taken
            self._busy.update(taken)
            return [(camera, self._waiting.pop(camera)) for camera in taken]

    def _work_on(self, batch: list[tuple[str, Item]]) -> dict[str, Outcome]:
        """The outcome of each camera's frame; whatever one frame does, the next one is served."""
        outcomes: dict[str, Outcome] = {}
        failures: dict[str, Exception] = {}
        wanted: list[tuple[str, Item]] = []
        for camera, item in batch:
            try:
                reason = self._jobs.reason_to_drop(camera, item)
            except Exception as error:
                failures[camera] = error
                continue
            if reason is None:
                wanted.append((camera, item))
            else:
                outcomes[camera] = reason
        if wanted:
            try:
                failures.update(self._jobs.process(wanted))
            except Exception as error:
                failures.update((camera, error) for camera, _ in wanted)
        for camera, _ in wanted:
            outcomes[camera] = Outcome.PROCESSED
        for camera, failure in failures.items():
            outcomes[camera] = Outcome.FAILED
            try:
                self._jobs.report_failure(camera, failure)
            except Exception:
                logging.getLogger(__name__).exception("a failed frame could not be reported, %s: %s", camera, failure)
        return outcomes
