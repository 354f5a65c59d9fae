"""A failure is logged at once; while it goes on, every few seconds with the number kept back."""

import pytest

from camseg_ros.failure_log import MAX_KINDS, REPEAT_AFTER_S, FailureLog


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


@pytest.mark.parametrize(
    "failures",
    [
        [f"is cut short after {size} bytes" for size in (50123, 48, 51000, 7)],
        ["size is 48x0", "size is 0x64", "size is 0x0", "size is 3x0"],
        [f"begins with {head!r}, no JPEG" for head in (b"\xff\x00", b"it's", b"'\"\\", b"")],
    ],
)
def test_failures_that_differ_in_numbers_or_bytes_alone_are_the_same_failure(failures):
    lines: list[str] = []
    clock = FakeClock()
    log = FailureLog(lines.append, clock)
    for failure in failures[:-1]:
        log.report(failure)
    clock.now_s += REPEAT_AFTER_S
    log.report(failures[-1])
    assert lines == [failures[0], f"{failures[-1]} (2 more like this)"]


def test_other_failure_is_logged_at_once():
    lines: list[str] = []
    log = FailureLog(lines.append, FakeClock())
    log.report("a")
    log.report("b")
    assert lines == ["a", "b"]


def test_failures_in_turn_are_each_logged_once_in_the_period():
    lines: list[str] = []
    clock = FakeClock()
    log = FailureLog(lines.append, clock)
    for _ in range(3):
        log.report("a")
        log.report("b")
    clock.now_s += REPEAT_AFTER_S
    log.report("b")
    log.report("a")
    assert lines == ["a", "b", "b (2 more like this)", "a (2 more like this)"]


def test_failures_of_ever_new_kinds_are_no_flood_and_fill_no_memory():
    lines: list[str] = []
    clock = FakeClock()
    log = FailureLog(lines.append, clock)
    names = ["x" * length for length in range(1, 1001)]
    for name in names:
        log.report(name)
    assert lines == names[: MAX_KINDS + 1]
    log.report("x")
    clock.now_s += REPEAT_AFTER_S
    log.report("x")
    assert lines[-1] == "x (1 more like this)"
    # "x" is remembered anew, and the others make way for as many.
    for length in range(1, MAX_KINDS + 1):
        log.report("y" * length)
    kept_back = len(names) - MAX_KINDS - 1
    assert lines[-2:] == ["y" * (MAX_KINDS - 1), f"{'y' * MAX_KINDS} ({kept_back} more of other kinds)"]
