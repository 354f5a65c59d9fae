"""One log line for each kind of failure, not thirty a second."""

import re
from collections.abc import Callable
from dataclasses import dataclass

REPEAT_AFTER_S = 5.0
"""A failure that goes on is logged again after this time, with the number of times it was kept back."""

MAX_KINDS = 8
"""Kinds of failure told apart within ``REPEAT_AFTER_S``; what fails in yet other ways meanwhile is one kind."""

_VARYING = re.compile(r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*"|\d+""")
"""The repr of bytes, and numbers: every damaged JPEG is cut short after its own."""

_OTHER = ""


@dataclass
class _Kind:
    logged_at_s: float
    kept_back: int = 0


class FailureLog:
    """Logs a failure at once when it is of a new kind, and every ``REPEAT_AFTER_S`` seconds while its kind goes on.

    Failures that differ in numbers or bytes alone are of the same kind.
    """

    def __init__(self, log: Callable[[str], None], clock: Callable[[], float]) -> None:
        """Starts with nothing logged.

        Args:
            log: writes one line. To rclpy's loggers, which key what they know by the line that calls them, it must not
                be a bound method such as ``logger.error``, but a function that has a line of its own.
            clock: monotonic time, seconds.
        """
        self._log = log
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def report(self, failure: str) -> None:
        """Logs ``failure``, unless one of its kind was logged a moment ago."""
        now_s = self._clock()
        name = _VARYING.sub("#", failure)
        if name not in self._kinds and not self._has_room(now_s):
            name = _OTHER
        kind = self._kinds.get(name)
        if kind is not None and now_s - kind.logged_at_s < REPEAT_AFTER_S:
            kind.kept_back += 1
            return
        kept_back = kind.kept_back if kind is not None else 0
        likeness = "of other kinds" if name == _OTHER else "like this"
        self._log(f"{failure} ({kept_back} more {likeness})" if kept_back else failure)
        self._kinds[name] = _Kind(now_s)

    def _has_room(self, now_s: float) -> bool:
        """Whether one more kind can be remembered; forgets that of the oldest line for it, once it may be repeated."""
        told_apart = self._kinds.keys() - {_OTHER}
        if len(told_apart) < MAX_KINDS:
            return True
        oldest = min(told_apart, key=lambda name: self._kinds[name].logged_at_s)
        if now_s - self._kinds[oldest].logged_at_s < REPEAT_AFTER_S:
            return False
        del self._kinds[oldest]
        return True
