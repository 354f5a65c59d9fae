"""How long a camera may wait because of batches: by those before, and by a bound where nothing is known."""

import pytest

from camseg_ros.work_times import RECENT_BATCHES, TOLERANCE, UNKNOWN_BATCH_S, WorkTimes


def work_through(work: WorkTimes, *durations_s: float, kind: object = "one step") -> None:
    """Batches from time 0 on, each after the other."""
    now_s = 0.0
    for duration_s in durations_s:
        work.begin(kind, now_s)
        now_s += duration_s
        work.end(now_s)


def test_who_waits_while_nothing_is_in_work_waits_for_no_batch():
    work = WorkTimes(turns=1)
    assert work.allowance_s(0.0, may_be_long=True) == 0.0
    work_through(work, 1.0, 2.0)
    assert work.allowance_s(3.0, may_be_long=True) == 0.0
    assert work.allowance_s(2.5, may_be_long=False) > 0.0


def test_the_first_batch_may_take_what_any_device_may():
    work = WorkTimes(turns=3)
    work.begin("one step", 5.0)
    assert work.allowance_s(0.0, may_be_long=False) == UNKNOWN_BATCH_S


@pytest.mark.parametrize("turns", [1, 4])
def test_later_ones_may_take_some_times_the_longest_of_the_recent_in_each_turn(turns):
    work = WorkTimes(turns)
    work_through(work, 0.25, 2.0, 0.5)
    assert work.allowance_s(0.0, may_be_long=False) == pytest.approx(turns * TOLERANCE * 2.0)
    assert work.allowance_s(0.0, may_be_long=True) == UNKNOWN_BATCH_S
    work_through(work, *[0.25] * RECENT_BATCHES)
    assert work.allowance_s(0.0, may_be_long=False) == pytest.approx(turns * TOLERANCE * 0.25)


def test_a_slow_model_may_take_longer_than_the_bound_for_what_is_unknown():
    work = WorkTimes(turns=1)
    work_through(work, 40.0)
    assert work.allowance_s(0.0, may_be_long=False) == pytest.approx(TOLERANCE * 40.0)
    assert work.allowance_s(0.0, may_be_long=True) == pytest.approx(TOLERANCE * 40.0)


def test_another_sampling_says_nothing_of_how_long_the_next_batch_takes():
    work = WorkTimes(turns=1)
    work_through(work, 0.25)
    work.begin("a thousand steps", 1.0)
    assert work.allowance_s(0.0, may_be_long=False) == UNKNOWN_BATCH_S
    work.end(31.0)
    assert work.allowance_s(0.0, may_be_long=False) == pytest.approx(TOLERANCE * 30.0)
