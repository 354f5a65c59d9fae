"""One thread that works on the newest item only. Free of ROS, so that its counting can be tested by itself."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class FrameCounts:
    """What became of the frames so far; always ``received == processed + dropped + failed + pending``.

    Attributes:
        received: frames handed in.
        processed: frames whose processing ended well.
        dropped: frames not processed: a newer one came first, nobody wanted the result, or the worker was closed.
        unwatched: those of ``dropped`` whose result nobody wanted.
        failed: frames whose processing raised an error.
        pending: frames waiting or being processed now, 0 to 2.
    """

    received: int = 0
    processed: int = 0
    dropped: int = 0
    unwatched: int = 0
    failed: int = 0
    pending: int = 0


class NewestItemWorker(Generic[Item]):
    """Processes items one at a time in a thread of its own; while it is busy, a newer item replaces the waiting one.

    The newest item is therefore never the one dropped, and handing one in never waits for the processing.
    """

    def __init__(
        self,
        process: Callable[[Item], None],
        on_failure: Callable[[Item, Exception], None],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Starts the thread.

        Args:
            process: called in the worker's thread with each item taken.
            on_failure: called in the worker's thread when ``process`` raised; the worker then takes the next item.
            is_wanted: asked before each item; where it says no, the item is dropped unprocessed.
        """
        self._process = process
        self._on_failure = on_failure
        self._is_wanted = is_wanted
        self._changed = threading.Condition()
        self._waiting: list[Item] = []  # holds one item at most
        self._busy = False
        self._closed = False
        self._received = self._processed = self._dropped = self._unwatched = self._failed = 0
        self._thread = threading.Thread(target=self._run, name="camseg_worker", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hands in an item; returns at once. After ``close`` the item is counted as dropped."""
        with self._changed:
            self._received += 1
            if self._closed:
                self._dropped += 1
                return
            self._dropped += len(self._waiting)
            self._waiting = [item]
            self._changed.notify()

    def counts(self) -> FrameCounts:
        """A consistent snapshot of the counters."""
        with self._changed:
            return FrameCounts(
                received=self._received,
                processed=self._processed,
                dropped=self._dropped,
                unwatched=self._unwatched,
                failed=self._failed,
                pending=len(self._waiting) + self._busy,
            )

    def close(self, timeout_s: float) -> bool:
        """Drops the waiting item, lets the one in work end and stops the thread; closing twice is harmless.

        Args:
            timeout_s: how long to wait for the item in work, seconds.

        Returns:
            Whether the thread has ended; if not, one item is still pending.
        """
        with self._changed:
            self._closed = True
            self._dropped += len(self._waiting)
            self._waiting = []
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._take()) is not None:
            failure: Exception | None = None
            wanted = True
            try:
                wanted = self._is_wanted()
                if wanted:
                    self._process(item)
            except Exception as error:  # whatever one frame does, the next one is served
                failure = error
            if failure is not None:
                self._on_failure(item, failure)
            with self._changed:
                self._busy = False
                self._failed += failure is not None
                self._processed += failure is None and wanted
                self._unwatched += not wanted
                self._dropped += not wanted

    def _take(self) -> Item | None:
        """Waits for the next item and marks the worker busy; None once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            self._busy = True
            return self._waiting.pop()
