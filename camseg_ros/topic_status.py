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

    def begin(self) -> None:
        """From now on messages are listened to; those before are another window's."""
        self._events.clear()

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
        """The status over the last seconds; ``expected_rate_hz`` of 0 leaves the rate unjudged.

        Too high is judged by the intervals between messages, of which a lone message has none. Too low is judged by
        their number over the time until now, which allows for the one that is about to come, and falls while none does.
        """
        self._forget(now_s)
        events = list(self._events)
        span_s = now_s - events[0].at_s if events else 0.0
        until_now_hz = len(events) / span_s if span_s > 0.0 else 0.0
        between_s = events[-1].at_s - events[0].at_s if events else 0.0
        between_hz = (len(events) - 1) / between_s if between_s > 0.0 else None
        rate_hz = until_now_hz if between_hz is None else min(until_now_hz, between_hz)
        delays_s = [event.delay_s for event in events if event.delay_s is not None]
        complaint = _judge_rate(until_now_hz, between_hz, expected_rate_hz) if span_s > 0.0 else ""
        level, message = _judge(complaint, len(events), delays_s)
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


def _judge_rate(until_now_hz: float, between_hz: float | None, expected_rate_hz: float) -> str:
    if expected_rate_hz == 0.0:
        return ""
    if until_now_hz < expected_rate_hz * (1.0 - FREQUENCY_TOLERANCE):
        return "Frequency too low."
    if between_hz is not None and between_hz > expected_rate_hz * (1.0 + FREQUENCY_TOLERANCE):
        return "Frequency too high."
    return ""


def _judge(rate_complaint: str, events: int, delays_s: list[float]) -> tuple[bytes, str]:
    if not events:
        return DiagnosticStatus.ERROR, "No events recorded."
    complaints = [rate_complaint] if rate_complaint else []
    if delays_s and min(delays_s) < EARLIEST_DELAY_S:
        complaints.append("Timestamps too far in future seen.")
    if delays_s and max(delays_s) > LATEST_DELAY_S:
        complaints.append("Timestamps too far in past seen.")
    if complaints:
        return DiagnosticStatus.WARN, " ".join(complaints)
    return DiagnosticStatus.OK, "Timestamps are reasonable." if delays_s else "No timestamps seen."
