"""One log line for each failure, not thirty a second."""

import re
from collections.abc import Callable

REPEAT_AFTER_S = 5.0
"""A failure that goes on is logged again after this time, with the number of times it was kept back."""


class FailureLog:
    """Logs a failure at once when it is a new one, and every ``REPEAT_AFTER_S`` seconds while the same one goes on.

    Failures that differ in a number of bytes alone are the same: every damaged JPEG is cut short after its own.
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
        self._last = ""
        self._logged_at_s = 0.0
        self._kept_back = 0

    def report(self, failure: str) -> None:
        """Logs ``failure``, unless the same one was logged a moment ago."""
        now_s = self._clock()
        kind = re.sub(r"\d+(?= bytes)", "#", failure)
        if kind == self._last and now_s - self._logged_at_s < REPEAT_AFTER_S:
            self._kept_back += 1
            return
        is_repeat = kind == self._last and self._kept_back > 0
        self._log(f"{failure} ({self._kept_back} more like this)" if is_repeat else failure)
        self._last, self._logged_at_s, self._kept_back = kind, now_s, 0
