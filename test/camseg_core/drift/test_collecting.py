"""A camera without a reference: collects, fits, then judges."""

import numpy as np
import pytest

from camseg_core.drift.collecting import CollectingDetector
from camseg_core.drift.detector import DriftSettings
from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.frames import DriftState

DIMENSIONS = len(PARTS) * ROWS * COLUMNS
FOG = np.where(np.arange(DIMENSIONS) < DIMENSIONS // len(PARTS), 0.0, -1.5)
PERIOD_NS = 100_000_000


def clear_drive(frames: int, seed: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((frames, DIMENSIONS))


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


def test_a_clock_that_jumps_back_begins_again(detector):
    run(detector, clear_drive(150, seed=0), start_ns=10**12)
    run(detector, clear_drive(100, seed=1))
    assert detector.reference is None
    run(detector, clear_drive(110, seed=2), start_ns=100 * PERIOD_NS)
    assert detector.reference.frames == 201


def test_a_camera_that_always_sends_the_same_frame_stays_unknown(detector, caplog):
    results = run(detector, np.ones((450, DIMENSIONS)))
    assert {result.state for result in results} == {DriftState.UNKNOWN}
    assert "are the same" in caplog.text
