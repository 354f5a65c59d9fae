"""A failure is logged at once; while it goes on, every few seconds with the number kept back."""

from camseg_ros.failure_log import REPEAT_AFTER_S, FailureLog


class FakeClock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_repeated_failure_is_logged_again_only_after_the_period():
    lines: list[str] = []
    clock = FakeClock()
    log = FailureLog(lines.append, clock)
    for _ in range(4):
        log.report("step is 3")
    assert lines == ["step is 3"]
    clock.now_s += REPEAT_AFTER_S
    log.report("step is 3")
    log.report("step is 3")
    assert lines == ["step is 3", "step is 3 (3 more like this)"]


def test_failures_that_differ_in_a_number_of_bytes_alone_are_the_same_failure():
    lines: list[str] = []
    clock = FakeClock()
    log = FailureLog(lines.append, clock)
    for size in (50123, 48, 51000):
        log.report(f"is cut short after {size} bytes")
    clock.now_s += REPEAT_AFTER_S
    log.report("is cut short after 7 bytes")
    assert lines == ["is cut short after 50123 bytes", "is cut short after 7 bytes (2 more like this)"]


def test_other_failure_is_logged_at_once():
    lines: list[str] = []
    log = FailureLog(lines.append, FakeClock())
    for failure in ("a", "b", "a", "size is 48x0", "size is 0x64"):
        log.report(failure)
    assert lines == ["a", "b", "a", "size is 48x0", "size is 0x64"]
