"""How long batches take, and so how long a camera has to wait for a result. Free of ROS."""

import threading
from collections import deque

RECENT_BATCHES = 10
"""The longest of this many is what the next one may take."""

TOLERANCE = 3.0
"""By what the next batch may take longer than that: a machine is busy with other things at times."""

UNKNOWN_BATCH_S = 30.0
"""What a batch may take of which nothing is known: the first one, the first after the sampling changed, and one that
may hold the fit of a drift reference. Deactivation waits as long for a device."""


class WorkTimes:
    """Told by the worker's thread, asked by any. Times are monotonic.

    Args:
        turns: how many batches a camera may have to wait for its own, that one included.
    """

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._lock = threading.Lock()
        self._kind: object = None
        self._began_at_s: float | None = None
        self._ended_at_s: float | None = None
        self._durations_s: deque[float] = deque(maxlen=RECENT_BATCHES)

    def begin(self, kind: object, now_s: float) -> None:
        """A batch is being worked on; batches of another ``kind`` than the last say nothing of how long it takes."""
        with self._lock:
            if kind != self._kind:
                self._durations_s.clear()
            self._kind = kind
            self._began_at_s = now_s

    def end(self, now_s: float) -> None:
        """It has ended, well or not."""
        with self._lock:
            if self._began_at_s is not None:
                self._durations_s.append(now_s - self._began_at_s)
            self._began_at_s, self._ended_at_s = None, now_s

    def allowance_s(self, since_s: float, *, may_be_long: bool) -> float:
        """How long a camera may wait for a result because of batches, its own or others', seconds.

        Args:
            since_s: when it began to wait. Without any batch in work since then, none is what it waits for: 0.
            may_be_long: whether its batch may take longer than those before.
        """
        with self._lock:
            is_working = self._began_at_s is not None
            if not is_working and (self._ended_at_s is None or self._ended_at_s <= since_s):
                return 0.0
            known_s = self._turns * TOLERANCE * max(self._durations_s, default=0.0)
            return known_s if self._durations_s and not may_be_long else max(known_s, UNKNOWN_BATCH_S)
