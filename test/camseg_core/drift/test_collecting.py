"""A camera without a reference: collects, fits, then judges."""

import numpy as np
import pytest
from scipy.signal import lfilter

from camseg_core.drift import collecting
from camseg_core.drift.collecting import CollectingDetector
from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.drift.settings import DriftSettings
from camseg_core.frames import DriftState

DIMENSIONS = len(PARTS) * ROWS * COLUMNS
FOG = np.where(np.arange(DIMENSIONS) < DIMENSIONS // len(PARTS), 0.0, -1.5)
PERIOD_NS = 100_000_000


def clear_drive(frames: int, seed: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((frames, DIMENSIONS))


def autoregression(frames: int, correlation: float, seed: int) -> np.ndarray:
    """A clear drive whose neighbouring frames correlate by that much."""
    noise = clear_drive(frames, seed)
    noise[1:] *= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise, axis=0)


@pytest.fixture
def detector():
    return CollectingDetector("m", "hash", settings=DriftSettings(collect_s=20.0))


def run(detector, embeddings, start_ns=0):
    return [detector.update(row, start_ns + index * PERIOD_NS) for index, row in enumerate(embeddings)]


def test_unknown_then_judges_by_the_camera_itself(detector):
    results = run(detector, clear_drive(240, seed=0))
    assert {result.state for result in results[:200]} == {DriftState.UNKNOWN}
    assert {result.score for result in results[:200]} == {0.0}
    assert results[-1].state == DriftState.NOMINAL
    assert detector.reference.frames == 201
    assert detector.reference.rate_hz == pytest.approx(10.0)
    assert (detector.reference.model_id, detector.reference.embedding_hash) == ("m", "hash")
    foggy = run(detector, clear_drive(60, seed=1) + FOG, start_ns=240 * PERIOD_NS)
    assert foggy[-1].state == DriftState.ERROR


def test_frames_that_are_not_finite_are_left_out(detector):
    drive = clear_drive(220, seed=0)
    drive[50:60] = np.nan
    assert run(detector, drive)[55].score == 0.0
    assert detector.reference.frames == 191


def test_stamps_that_stand_still_are_stale_while_frames_are_collected_too(detector):
    frames = DriftSettings().stale_frames
    states = [detector.update(row, 5).state for row in clear_drive(frames + 3, seed=0)]
    assert states == [DriftState.UNKNOWN] * frames + [DriftState.STALE] * 3
    assert detector.update(clear_drive(1, seed=1)[0], 5 + PERIOD_NS).state == DriftState.UNKNOWN


def test_a_clock_that_jumps_back_begins_again(detector):
    run(detector, clear_drive(150, seed=0), start_ns=10**12)
    run(detector, clear_drive(100, seed=1))
    assert detector.reference is None
    run(detector, clear_drive(110, seed=2), start_ns=100 * PERIOD_NS)
    assert detector.reference.frames == 201


@pytest.mark.parametrize("gap_s", [12, 3600, 1_700_000_000], ids=["pause", "long pause", "clock set from 1970 to now"])
def test_a_camera_that_pauses_and_a_clock_that_jumps_forward_begin_again(detector, gap_s):
    run(detector, clear_drive(150, seed=0))
    after_ns = 150 * PERIOD_NS + gap_s * 10**9
    results = run(detector, clear_drive(200, seed=1), after_ns)
    assert {result.state for result in results} == {DriftState.UNKNOWN}
    assert results[-1].state_since_ns == after_ns
    run(detector, clear_drive(10, seed=2), after_ns + 200 * PERIOD_NS)
    assert detector.reference.frames == 201
    assert detector.reference.rate_hz == pytest.approx(10.0)
    foggy = run(detector, clear_drive(60, seed=3) + FOG, after_ns + 210 * PERIOD_NS)
    assert foggy[-1].state == DriftState.ERROR


def test_a_clock_that_is_set_at_the_second_frame_begins_again(detector):
    run(detector, clear_drive(1, seed=0))
    run(detector, clear_drive(210, seed=1), start_ns=10**18)
    assert detector.reference.frames == 201
    assert detector.reference.rate_hz == pytest.approx(10.0)


def test_a_short_gap_neither_begins_again_nor_makes_the_rate_lower(detector):
    run(detector, clear_drive(100, seed=0))
    run(detector, clear_drive(60, seed=1), start_ns=100 * PERIOD_NS + 5 * 10**9)
    assert detector.reference.frames == 151
    assert detector.reference.rate_hz == pytest.approx(10.0)


def test_a_camera_of_a_frame_a_minute_has_no_gaps():
    detector = CollectingDetector("m", settings=DriftSettings(collect_s=1800.0))
    for index, row in enumerate(clear_drive(31, seed=0)):
        detector.update(row, index * 60 * 10**9)
    assert detector.reference.frames == 31
    assert detector.reference.rate_hz == pytest.approx(1 / 60)


def test_rate_is_that_of_the_stamps_where_some_frames_repeat_one(detector):
    for index, row in enumerate(clear_drive(603, seed=0)):
        detector.update(row, index // 3 * PERIOD_NS)
    assert detector.reference.rate_hz == pytest.approx(10.0)


def test_rate_of_a_long_collection_is_that_of_the_frames_that_were_kept(detector, monkeypatch):
    monkeypatch.setattr(collecting, "MAX_COLLECTED_FRAMES", 60)
    run(detector, clear_drive(210, seed=0))
    assert detector.reference.frames < 60
    assert detector.reference.rate_hz == pytest.approx(10.0 / 4)


def test_false_alarms_after_a_long_collection_come_as_rarely_as_stated(monkeypatch):
    stated_s, frames, correlation = 100.0, 4000, 0.9
    monkeypatch.setattr(collecting, "MAX_COLLECTED_FRAMES", 1300)
    settings = DriftSettings(collect_s=(frames - 1) / 10.0, expected_run_length_s=stated_s)
    detector = CollectingDetector("m", settings=settings)
    run(detector, autoregression(frames, correlation, seed=0))
    assert detector.reference.frames < frames / 3  # every fourth
    alarms, streams = 0, 5
    for number in range(1, streams + 1):
        drive = autoregression(frames, correlation, seed=number)
        states = [result.state for result in run(detector, drive, start_ns=number * 10**13)]
        was_alarm = np.isin(states, [DriftState.WARN, DriftState.ERROR])
        alarms += int((was_alarm[1:] & ~was_alarm[:-1]).sum())
    measured_s = streams * frames / 10.0 / alarms
    assert stated_s / 2 < measured_s < stated_s * 2


def test_a_camera_that_always_sends_the_same_frame_stays_unknown_and_says_why(detector, caplog):
    results = run(detector, np.ones((450, DIMENSIONS)))
    assert {result.state for result in results} == {DriftState.UNKNOWN}
    assert "are the same" in caplog.text
    why = "no drift reference from 20 s of frames: all 201 clear frames are the same; expected a drive"
    assert detector.failure == why


def test_nothing_has_failed_before_the_first_fit_nor_after_one_that_succeeds(detector):
    run(detector, np.ones((150, DIMENSIONS)))
    assert detector.failure == ""
    run(detector, np.ones((100, DIMENSIONS)), start_ns=150 * PERIOD_NS)
    assert detector.failure
    run(detector, clear_drive(210, seed=0), start_ns=300 * PERIOD_NS)
    assert detector.reference is not None
    assert detector.failure == ""
