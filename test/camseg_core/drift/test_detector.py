"""The state of a camera follows the thresholds and remembers since when."""

import numpy as np
import pytest

from camseg_core.drift.detector import DriftDetector
from camseg_core.drift.reference import DriftReference
from camseg_core.frames import DriftState


@pytest.fixture
def detector():
    # Identity whitening in one dimension: the score is the absolute value.
    return DriftDetector(
        DriftReference(
            model_id="m",
            weights_hash="",
            method="mahalanobis",
            parameters={"mean": np.zeros(1), "whitening": np.eye(1)},
            embedding_mean=np.zeros(1),
            embedding_std=np.ones(1),
            held_out_scores=np.array([0.5, 1.0, 1.5]),
            warn_threshold=2.0,
            error_threshold=3.0,
        )
    )


@pytest.mark.parametrize(
    ("value", "state"),
    [
        (0.0, DriftState.NOMINAL),
        (1.99, DriftState.NOMINAL),
        (2.0, DriftState.WARN),
        (-2.5, DriftState.WARN),
        (3.0, DriftState.ERROR),
    ],
)
def test_state_by_threshold(detector, value, state):
    result = detector.update(np.array([value]), stamp_ns=1)
    assert result.state == state
    assert result.score == abs(value)


def test_remembers_since_when(detector):
    since = [detector.update(np.array([v]), stamp).state_since_ns for stamp, v in enumerate([0, 0, 2.5, 2.4, 5, 0], 10)]
    assert since == [10, 10, 12, 12, 14, 15]


def test_a_latent_that_is_not_finite_is_an_error_and_never_nan(detector):
    result = detector.update(np.array([np.nan]), stamp_ns=1)
    assert result.state == DriftState.ERROR
    assert result.score == float("inf")
    assert result.p_value == pytest.approx(1 / 4)
