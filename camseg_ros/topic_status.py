"""Whether a topic's messages come as often and as fresh as they should, said as diagnostic_updater says it."""

from collections import deque
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus

from camseg_ros.diagnostics import make_status

WINDOW_S = 10.0
FREQUENCY_TOLERANCE = 0.1
"""Share of the expected rate by which the actual one may be off; diagnostic_updater's default."""

EARLIEST_DELAY_S, LATEST_DELAY_S = -1.0, 5.0
"""Between stamp and receipt a message may take this long; diagnostic_updater's defaults."""


@dataclass(frozen=True)
class _Event:
    at_s: float
    delay_s: float | None


class TopicMonitor:
    """Of one topic; told and asked by the executor only.

    Args:
        node: its name.
        topic: resolved.
    """

    def __init__(self, node: str, topic: str) -> None:
        self._node = node
        self._topic = topic
        self._events: deque[_Event] = deque()
        self._total = 0

    def tick(self, now_s: float, delay_s: float | None) -> None:
        """A message arrived.

        Args:
            now_s: monotonic time, seconds.
            delay_s: from its stamp to now, seconds; None where it bears none.
        """
        self._total += 1
        self._events.append(_Event(now_s, delay_s))
        self._forget(now_s)

    def status(self, now_s: float, expected_rate_hz: float) -> DiagnosticStatus:
        """The status over the last seconds; ``expected_rate_hz`` of 0 leaves the rate unjudged."""
        self._forget(now_s)
        events = list(self._events)
        span_s = now_s - events[0].at_s if events else 0.0
        rate_hz = len(events) / span_s if span_s > 0.0 else 0.0
        delays_s = [event.delay_s for event in events if event.delay_s is not None]
        level, message = _judge(rate_hz, expected_rate_hz, len(events), delays_s)
        values: dict[str, object] = {
            "Events in window": len(events),
            "Events since startup": self._total,
            "Duration of window (s)": f"{span_s:.3f}",
            "Actual frequency (Hz)": f"{rate_hz:.3f}",
        }
        if expected_rate_hz > 0.0:
            values["Target frequency (Hz)"] = f"{expected_rate_hz:g}"
        if delays_s:
            values["Earliest timestamp delay"] = f"{min(delays_s):.6f}"
            values["Latest timestamp delay"] = f"{max(delays_s):.6f}"
        return make_status(level, f"{self._node}: {self._topic} topic status", message, self._topic, values)

    def _forget(self, now_s: float) -> None:
        while self._events and now_s - self._events[0].at_s > WINDOW_S:
            self._events.popleft()


def _judge(rate_hz: float, expected_rate_hz: float, events: int, delays_s: list[float]) -> tuple[bytes, str]:
    if not events:
        return DiagnosticStatus.ERROR, "No events recorded."
    complaints = []
    if expected_rate_hz > 0.0 and rate_hz < expected_rate_hz * (1.0 - FREQUENCY_TOLERANCE):
        complaints.append("Frequency too low.")
    if expected_rate_hz > 0.0 and rate_hz > expected_rate_hz * (1.0 + FREQUENCY_TOLERANCE):
        complaints.append("Frequency too high.")
    if delays_s and min(delays_s) < EARLIEST_DELAY_S:
        complaints.append("Timestamps too far in future seen.")
    if delays_s and max(delays_s) > LATEST_DELAY_S:
        complaints.append("Timestamps too far in past seen.")
    if complaints:
        return DiagnosticStatus.WARN, " ".join(complaints)
    return DiagnosticStatus.OK, "Timestamps are reasonable." if delays_s else "No timestamps seen."
