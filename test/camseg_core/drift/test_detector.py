"""The state of a camera over time, and what happens when time or frames go wrong."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
from scipy.signal import lfilter

from camseg_core.drift.detector import DriftDetector
from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.drift.fitting import fit_reference
from camseg_core.drift.reference import MIN_EFFECTIVE_FRAMES
from camseg_core.drift.settings import DriftSettings
from camseg_core.drift.weather_estimators import WeatherEstimate
from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftState

DIMENSIONS = len(PARTS) * ROWS * COLUMNS
RATE_HZ = 10.0
PERIOD_NS = 100_000_000
FOG = np.where(np.arange(DIMENSIONS) < DIMENSIONS // len(PARTS), 0.0, -1.5)


def clear_drive(frames: int, seed: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((frames, DIMENSIONS))


def autoregression(frames: int, correlation: float, seed: int) -> np.ndarray:
    """A clear drive whose neighbouring frames correlate by that much."""
    noise = 0.3 * np.random.default_rng(seed).standard_normal((frames, DIMENSIONS))
    noise[1:] *= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise, axis=0)


@pytest.fixture(scope="module")
def reference():
    return fit_reference([clear_drive(300, seed) for seed in range(3)], "m", rate_hz=RATE_HZ)


@pytest.fixture
def detector(reference):
    return DriftDetector(reference)


def run(detector, embeddings, start_ns=0, period_ns=PERIOD_NS):
    return [detector.update(row, start_ns + index * period_ns) for index, row in enumerate(embeddings)]


def test_clear_fog_clear(detector):
    drive = clear_drive(120, seed=7)
    drive[40:80] += FOG
    results = run(detector, drive)
    states = [result.state for result in results]
    assert set(states[:40]) == {DriftState.NOMINAL}
    assert set(states[46:80]) <= {DriftState.WARN, DriftState.ERROR}
    assert states[79] == DriftState.ERROR
    assert states[-1] == DriftState.NOMINAL
    assert results[79].state_since_ns == states.index(DriftState.ERROR) * PERIOD_NS
    assert results[-1].state_since_ns == (len(states) - states[::-1].index(DriftState.ERROR)) * PERIOD_NS


def test_one_strange_frame_is_no_alarm(detector):
    drive = clear_drive(40, seed=7)
    drive[20] += 3 * FOG
    assert {result.state for result in run(detector, drive)} == {DriftState.NOMINAL}


def test_stranger_frames_alarm_sooner(reference):
    delays = []
    for strength in (0.035, 3.0):
        results = run(DriftDetector(reference), clear_drive(60, seed=7) + strength * FOG)
        delays.append(next(index for index, result in enumerate(results) if result.state >= DriftState.WARN))
    assert 1 <= delays[1] < delays[0]


def test_the_result_says_what_it_was_judged_by(detector, reference):
    result = detector.update(clear_drive(1, seed=7)[0], 5)
    assert result.sequential_threshold == pytest.approx(reference.run_lengths.threshold(3600 * RATE_HZ))
    assert result.expected_run_length_s == 3600.0
    assert (result.region_rows, result.region_columns) == (ROWS, COLUMNS)
    assert len(result.region_scores) == ROWS * COLUMNS
    assert result.reference_id == reference.reference_id
    assert result.p_value == reference.p_value(result.score)


def test_a_larger_threshold_makes_an_alarm_a_warning_instead_of_an_error(reference):
    foggy = clear_drive(40, seed=7) + FOG
    before = run(DriftDetector(reference), foggy)[-1]
    assert before.state == DriftState.ERROR
    scale = 1.1 * before.score / before.error_threshold
    after = run(DriftDetector(reference, DriftSettings(threshold_scale=scale)), foggy)[-1]
    assert (after.state, after.score) == (DriftState.WARN, before.score)
    assert after.error_threshold == pytest.approx(1.1 * before.score)


def test_a_faster_camera_alarms_after_the_same_time(reference):
    delays_s = []
    for speed in (1, 10):
        foggy = clear_drive(40 * speed, seed=7) + FOG
        results = run(DriftDetector(reference), foggy, period_ns=PERIOD_NS // speed)
        alarm = next(index for index, result in enumerate(results) if result.state >= DriftState.WARN)
        delays_s.append(alarm / (RATE_HZ * speed))
    assert delays_s[1] == pytest.approx(delays_s[0], abs=0.15)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_latent_that_is_not_finite_is_an_error_in_finite_numbers(detector, reference, value):
    run(detector, clear_drive(5, seed=7))
    result = detector.update(np.full(DIMENSIONS, value), 5 * PERIOD_NS)
    assert result.state == DriftState.ERROR
    assert result.score == reference.error_threshold
    assert result.p_value == pytest.approx(1 / (1 + len(reference.held_out_scores)))
    assert result.region_scores == ()
    assert detector.update(clear_drive(1, seed=8)[0], 6 * PERIOD_NS).state == DriftState.NOMINAL


@pytest.mark.parametrize("jump_ns", [-PERIOD_NS * 50, 11_000_000_000], ids=["back", "gap"])
def test_after_a_jump_of_the_clock_the_test_starts_anew(detector, jump_ns):
    results = run(detector, clear_drive(60, seed=7) + FOG)
    assert results[-1].state == DriftState.ERROR
    after = results[-1].state_since_ns + 60 * PERIOD_NS + jump_ns
    first, second = run(detector, clear_drive(2, seed=8), start_ns=after)
    assert (first.state, first.sequential_statistic) == (DriftState.UNKNOWN, 0.0)
    assert (second.state, second.state_since_ns) == (DriftState.NOMINAL, after + PERIOD_NS)


def test_the_frame_that_it_starts_anew_with_is_unknown_however_often_it_comes(detector):
    run(detector, clear_drive(5, seed=7))
    row, after = clear_drive(1, seed=8)[0], 3600 * 10**9
    states = [detector.update(row, stamp_ns).state for stamp_ns in (after, after, after + PERIOD_NS)]
    assert states == [DriftState.UNKNOWN, DriftState.UNKNOWN, DriftState.NOMINAL]


def test_a_camera_of_a_frame_in_three_minutes_has_no_gaps(reference):
    slow, period_ns = dataclasses.replace(reference, rate_hz=1 / 180), 180 * 10**9
    drive = clear_drive(60, seed=7)
    drive[40:] += FOG
    results = run(DriftDetector(slow, DriftSettings(expected_run_length_s=30 * 86400)), drive, period_ns=period_ns)
    assert {result.state for result in results[:40]} == {DriftState.NOMINAL}
    assert results[-1].state == DriftState.ERROR


def test_a_model_that_takes_long_for_a_frame_has_no_gaps_either(detector):
    """By a reference of ten frames a second: the first interval may be a gap, those like it are the camera's own."""
    drive = clear_drive(60, seed=7)
    drive[40:] += FOG
    results = run(detector, drive, period_ns=15 * 10**9)
    assert [result.state for result in results[:3]] == [DriftState.NOMINAL, DriftState.UNKNOWN, DriftState.NOMINAL]
    assert {result.state for result in results[2:40]} == {DriftState.NOMINAL}
    assert results[-1].state == DriftState.ERROR


def test_a_pause_of_a_slow_camera_is_a_gap_still(detector):
    run(detector, clear_drive(20, seed=7), period_ns=15 * 10**9)
    after = 19 * 15 * 10**9
    paused, next_one = (
        detector.update(row, after + seconds * 10**9)
        for row, seconds in zip(clear_drive(2, seed=8), (46, 61), strict=True)
    )
    assert (paused.state, next_one.state) == (DriftState.UNKNOWN, DriftState.NOMINAL)


def test_a_clock_that_stands_still_is_stale_and_no_evidence(detector):
    settings = DriftSettings()
    results = [detector.update(row, 123) for row in clear_drive(settings.stale_frames + 5, seed=7) + FOG]
    states = [result.state for result in results]
    assert states.index(DriftState.STALE) == settings.stale_frames
    assert results[-1].sequential_statistic == results[0].sequential_statistic
    assert detector.update(clear_drive(1, seed=8)[0], 123 + PERIOD_NS).state != DriftState.STALE


def test_a_reference_too_short_to_judge_by_says_unknown(reference):
    short = dataclasses.replace(reference, effective_frames=MIN_EFFECTIVE_FRAMES - 0.1)
    results = run(DriftDetector(short), clear_drive(30, seed=7) + FOG)
    assert {result.state for result in results} == {DriftState.UNKNOWN}
    assert results[-1].score > short.warn_threshold


def test_cause_and_visibility_are_asked_for_once_with_embedding_reference_and_p_value(reference):
    asked = []

    def weather(embedding, used, p_value):
        asked.append((used, p_value))
        return WeatherEstimate({"fog": float(embedding[0])}, float(embedding[1]), 7.0)

    detector = DriftDetector(reference, estimate_weather=weather)
    frame = clear_drive(1, seed=7)[0]
    result = detector.update(frame, 0)
    assert result.causes == {"fog": frame[0]}
    assert (result.visibility_m, result.visibility_std_m) == (frame[1], 7.0)
    assert asked == [(reference, result.p_value)]
    unusable = detector.update(np.full(DIMENSIONS, math.nan), PERIOD_NS)
    assert unusable.causes == {}
    assert math.isnan(unusable.visibility_m)


# Independent frames alarm more rarely than stated: no single one can alarm, however strange it is.
@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_false_alarms_of_correlated_clear_frames_come_as_rarely_as_stated(correlation):
    stated_s, streams = 30.0, 4
    reference = fit_reference([autoregression(3000, correlation, seed) for seed in range(3)], "m", rate_hz=RATE_HZ)
    detector = DriftDetector(reference, DriftSettings(expected_run_length_s=stated_s))
    alarms = 0
    for seed in range(streams):
        states = [result.state for result in run(detector, autoregression(3000, correlation, 10 + seed))]
        was_alarm = np.isin(states, [DriftState.WARN, DriftState.ERROR])
        alarms += int((was_alarm[1:] & ~was_alarm[:-1]).sum())
    measured_s = streams * 3000 / RATE_HZ / alarms
    assert stated_s / 2 < measured_s < stated_s * 2


def test_goes_on_after_storing(detector):
    drive = clear_drive(30, seed=7) + FOG
    run(detector, drive[:3])
    stored = pickle.loads(pickle.dumps(detector))
    rest = [run(each, drive[3:], start_ns=3 * PERIOD_NS) for each in (detector, stored)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("expected_run_length_s", 0.0),
        ("threshold_scale", 0.0),
        ("max_gap_s", -1.0),
        ("collect_s", math.inf),
        ("stale_frames", 1),
    ],
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(ConfigurationError, match=f"drift {name} = {value}"):
        DriftSettings(**{name: value})
