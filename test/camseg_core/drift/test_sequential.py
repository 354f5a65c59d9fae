"""The test over time: its false alarms come as rarely as stated, on correlated frames too."""

import numpy as np
import pytest
from scipy.signal import lfilter

from camseg_core.drift.sequential import (
    ALLOWANCE,
    MAX_NORMAL_SCORE,
    correlation_frames,
    normal_scores,
    run_lengths,
)

STATED_FRAMES = 1000


def first_order_autoregression(correlation: float, streams: int, frames: int, seed: int) -> np.ndarray:
    """(streams, frames) standard normal values of which neighbours correlate by that much."""
    noise = np.random.default_rng(seed).standard_normal((streams, frames))
    noise[:, 1:] *= np.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], noise, axis=1)


def first_alarms(streams: np.ndarray, threshold: float) -> np.ndarray:
    """Frames until the CUSUM of each stream reaches the threshold; the stream's length where it never does."""
    statistic = np.zeros(len(streams))
    alarm = np.full(len(streams), streams.shape[1])
    for frame in range(streams.shape[1]):
        statistic = np.maximum(statistic + np.minimum(streams[:, frame], MAX_NORMAL_SCORE) - ALLOWANCE, 0.0)
        alarm = np.where((statistic >= threshold) & (alarm == streams.shape[1]), frame + 1, alarm)
    return alarm


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_false_alarms_come_as_rarely_as_stated(correlation):
    clear = first_order_autoregression(correlation, 1, 50_000, seed=0)[0]
    threshold = run_lengths([normal_scores(clear)]).threshold(STATED_FRAMES)
    frames = 4 * STATED_FRAMES
    alarms = first_alarms(first_order_autoregression(correlation, 1000, frames, seed=1), threshold)
    # Waiting times are nearly exponential; with streams cut off at the end, time watched over alarms is their mean.
    measured = alarms.sum() / (alarms < frames).sum()
    assert STATED_FRAMES / 2 < measured < STATED_FRAMES * 2


def test_a_threshold_for_independent_frames_would_not_do():
    independent, correlated = (
        run_lengths([normal_scores(first_order_autoregression(correlation, 1, 50_000, seed=0)[0])])
        for correlation in (0.0, 0.9)
    )
    streams = first_order_autoregression(0.9, 500, 4 * STATED_FRAMES, seed=1)
    alarms = first_alarms(streams, independent.threshold(STATED_FRAMES))
    assert alarms.mean() < STATED_FRAMES / 3
    assert correlated.threshold(STATED_FRAMES) > 2 * independent.threshold(STATED_FRAMES)


@pytest.mark.parametrize(("correlation", "at_most"), [(0.0, 4), (0.9, 40)])
def test_a_shift_of_three_deviations_is_found_soon(correlation, at_most):
    clear = first_order_autoregression(correlation, 1, 50_000, seed=0)[0]
    threshold = run_lengths([normal_scores(clear)]).threshold(STATED_FRAMES)
    delays = first_alarms(first_order_autoregression(correlation, 500, 400, seed=2) + 3.0, threshold)
    assert np.median(delays) <= at_most


def test_rarer_false_alarms_need_a_higher_threshold():
    lengths = run_lengths([normal_scores(first_order_autoregression(0.5, 1, 5000, seed=0)[0])])
    thresholds = [lengths.threshold(frames) for frames in (1e2, 1e3, 1e4, 1e6, 1e8)]
    assert thresholds == sorted(thresholds)
    assert len(set(thresholds)) == 5


def test_driving_that_never_varies_leaves_the_smallest_threshold():
    quiet = run_lengths([np.zeros(100)])
    assert quiet.threshold(100) == quiet.threshold(1e6) == 1.0


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_correlation_time_of_an_autoregression(correlation):
    stream = first_order_autoregression(correlation, 1, 200_000, seed=3)[0]
    expected = (1 + correlation) / (1 - correlation)
    assert correlation_frames([stream]) == pytest.approx(expected, rel=0.15)


def test_drives_of_different_levels_are_few_independent_frames():
    random = np.random.default_rng(0)
    drives = [level + 0.1 * random.standard_normal(100) for level in (0.0, 1.0, 2.0)]
    assert 300 / correlation_frames(drives) < 10
