"""Segments of true weather, delays and false alarms of a sequence."""

import math
from dataclasses import replace

import pytest

from camseg_core.evaluation.detection.sequences import JudgedSequence, hours, median_delay
from camseg_core.frames import DriftResult, DriftState

NOMINAL, WARN, ERROR = DriftState.NOMINAL, DriftState.WARN, DriftState.ERROR


def judged(states, weather, rate_hz=10.0, scores=None):
    scores = scores or [1.0] * len(states)
    results = tuple(
        DriftResult(score, "mahalanobis", 0.5, 2.0, 3.0, state, 0, "id", "camseg-tiny")
        for score, state in zip(scores, states, strict=True)
    )
    stamps_ns = tuple(5_000_000_000 + round(index * 1e9 / rate_hz) for index in range(len(states)))
    return JudgedSequence("made up", stamps_ns, results, tuple(weather))


def test_delay_is_from_the_first_adverse_frame_to_the_first_alarm():
    sequence = judged(
        [NOMINAL] * 5 + [NOMINAL] * 3 + [WARN] * 2 + [ERROR] * 2 + [NOMINAL] * 4,
        ["clear"] * 5 + ["fog"] * 7 + ["clear"] * 4,
    )
    before, fog, after = sequence.segments
    assert (before.found, fog.found, after.found) == (False, True, False)
    assert (fog.delay_frames, round(fog.delay_s, 9)) == (3, 0.3)
    assert (fog.frames, fog.alarm_frames, fog.alarms) == (7, 4, 1)
    assert (round(fog.start_s, 9), round(fog.end_s, 9)) == (0.5, 1.2)


def test_the_last_segment_ends_one_period_after_its_last_frame():
    (segment,) = judged([NOMINAL] * 36, ["clear"] * 36, rate_hz=0.01).segments
    assert segment.end_s == 3600.0
    assert hours(segment) == 1.0


def test_time_goes_on_where_stamps_step_back():
    forward = judged([NOMINAL] * 40, ["clear"] * 20 + ["fog"] * 20, rate_hz=0.01)
    # A bag played twice, joined into one: its second half has the stamps of the first.
    rewound = replace(forward, stamps_ns=forward.stamps_ns[:20] * 2)
    assert rewound.segments == forward.segments
    assert sum(map(hours, rewound.segments)) == 40 * 100 / 3600


def test_a_pause_is_no_driving_without_a_false_alarm():
    alarmed_once = [NOMINAL] * 300 + [WARN] * 20 + [NOMINAL] * 280
    drive = judged(alarmed_once * 2, ["clear"] * 1200)
    # Two recordings of a minute, one a day after the other.
    day_ns = 24 * 3600 * 10**9
    paused = replace(drive, stamps_ns=drive.stamps_ns[:600] + tuple(stamp + day_ns for stamp in drive.stamps_ns[:600]))
    (segment,) = paused.segments
    assert segment.alarms / hours(segment) == pytest.approx(60.0)


def test_a_pause_after_the_second_of_three_frames_is_a_pause():
    sequence = replace(judged([NOMINAL] * 3, ["clear"] * 3), stamps_ns=(0, 10**8, 10**12))
    assert hours(sequence.segments[0]) * 3600 == pytest.approx(0.3)


def test_what_the_detector_takes_for_no_gap_is_driving_time():
    # Ten seconds at least, and three periods of a slow camera.
    quick = replace(judged([NOMINAL] * 4, ["clear"] * 4), stamps_ns=(0, 10**8, 2 * 10**8, 102 * 10**8))
    assert hours(quick.segments[0]) * 3600 == pytest.approx(10.3)
    slow = replace(judged([NOMINAL] * 4, ["clear"] * 4), stamps_ns=(0, 10**11, 2 * 10**11, 5 * 10**11))
    assert hours(slow.segments[0]) * 3600 == pytest.approx(600.0)


def test_frames_that_all_step_back_take_no_time():
    backward = judged([NOMINAL] * 3, ["clear"] * 3)
    (segment,) = replace(backward, stamps_ns=backward.stamps_ns[::-1]).segments
    assert hours(segment) == 0.0


def test_a_missed_segment_has_no_delay():
    (fog,) = judged([NOMINAL, NOMINAL], ["fog", "fog"]).segments
    assert (fog.found, fog.delay_frames, fog.delay_s) == (False, None, None)
    assert all(map(math.isnan, median_delay([fog])))


def test_an_alarm_that_lasts_is_one_alarm_and_belongs_to_where_it_began():
    fog, clear = judged(
        [WARN, ERROR, WARN, NOMINAL, WARN, WARN], ["fog", "fog", "clear", "clear", "clear", "clear"]
    ).segments
    assert (fog.alarms, fog.delay_frames) == (1, 0)
    assert (clear.alarms, clear.alarm_frames) == (1, 3)


def test_unknown_and_stale_are_no_alarm():
    (segment,) = judged([DriftState.UNKNOWN, DriftState.STALE], ["rain", "rain"]).segments
    assert not segment.found


def test_median_delay_leaves_out_what_was_not_found():
    sequences = [judged([NOMINAL] * delay + [WARN], ["rain"] * (delay + 1), rate_hz=5.0) for delay in (0, 2, 10)] + [
        judged([NOMINAL], ["rain"])
    ]
    frames, seconds = median_delay([sequence.segments[0] for sequence in sequences])
    assert (frames, round(seconds, 9)) == (2.0, 0.4)
