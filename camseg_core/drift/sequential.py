"""A test over successive frames, and how long it runs on clear driving until it alarms falsely.

The statistic is Page's one-sided CUSUM (1954) of normal scores: ``S = max(0, S + weight · (x − k))``. Frames are
correlated, so its threshold cannot come from independent frames: it comes from the stationary bootstrap (Politis and
Romano, 1994) of clear drives, whose blocks are longer than the correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

ALLOWANCE = 1.5
"""k of the CUSUM in standard deviations; it finds shifts of twice that fastest and lets slow changes of scene pass."""

MAX_NORMAL_SCORE = 3.0
"""Normal scores are cut off here, so that several strange frames are needed for an alarm, however strange one is."""

_STREAMS = 1000
_STREAM_FRAMES = 3000
_BLOCK_CORRELATIONS = 10.0
_MIN_BLOCK_FRAMES = 30.0
"""Mean block length in correlation times, and at least: a cut block cuts the excursions that alarm."""

_MIN_ALARMS = 30
"""Thresholds passed more rarely in the simulation are extrapolated; the tail of the maxima is exponential."""

_MIN_THRESHOLD = 1.0
"""Even where clear frames never come near it."""


def normal_scores(scores: np.ndarray) -> np.ndarray:
    """Normal scores of (N,) numbers by their ranks, so that a few extreme ones do not set the scale.

    The plotting positions are Hazen's, (rank − ½)/N.
    """
    return np.minimum(norm.ppf((rankdata(scores) - 0.5) / len(scores)), MAX_NORMAL_SCORE)


def correlation_frames(drives: Sequence[np.ndarray]) -> float:
    """Integrated autocorrelation time of series about their common mean, frames, 1 or more.

    τ = 1 + 2 Σ ρ(lag), summed until the first ρ that is not positive (Geyer, 1992), or to a third of the longest.
    """
    mean = np.concatenate(list(drives)).mean()
    centered = [drive - mean for drive in drives]
    variance = np.mean(np.concatenate(centered) ** 2)
    if variance == 0.0:
        return 1.0
    total = 1.0
    for lag in range(1, max(map(len, centered)) // 3 + 1):
        products = np.concatenate([drive[lag:] * drive[:-lag] for drive in centered if len(drive) > lag])
        correlation = float(products.mean() / variance)
        if correlation <= 0.0:
            break
        total += 2.0 * correlation
    return total


@dataclass(frozen=True)
class RunLengths:
    """Mean frames between false alarms for each of several thresholds.

    Attributes:
        thresholds: (M,) ascending.
        log_frames: (M,) natural logarithm of the mean number of clear frames between alarms, not descending.
    """

    thresholds: np.ndarray
    log_frames: np.ndarray

    def threshold(self, frames: float) -> float:
        """The threshold at which clear driving alarms once in ``frames`` frames on average."""
        return float(np.interp(np.log(max(frames, 1.0)), self.log_frames, self.thresholds))


def run_lengths(drives: Sequence[np.ndarray], seed: int = 0) -> RunLengths:
    """Run lengths of the CUSUM on clear driving, by stationary bootstrap.

    An alarm is an excursion of the statistic from zero that passes the threshold, so one simulation serves all
    thresholds: the mean time between alarms is the time simulated over the number of excursions that high.

    Args:
        drives: normal scores of each clear drive, in the order of time.
        seed: of the bootstrap.
    """
    block_frames = min(max(_BLOCK_CORRELATIONS * correlation_frames(drives), _MIN_BLOCK_FRAMES), max(map(len, drives)))
    increments = np.concatenate(list(drives)) - ALLOWANCE
    ends = np.cumsum([len(drive) for drive in drives])
    is_last = np.zeros(len(increments), dtype=bool)
    is_last[ends - 1] = True
    rng = np.random.default_rng(seed)
    position = rng.integers(len(increments), size=_STREAMS)
    statistic, highest = np.zeros(_STREAMS), np.zeros(_STREAMS)
    maxima = []
    for _ in range(_STREAM_FRAMES):
        statistic = np.maximum(statistic + increments[position], 0.0)
        np.maximum(highest, statistic, out=highest)
        over = (statistic == 0.0) & (highest > 0.0)
        maxima.append(highest[over])
        highest[over] = 0.0
        jump = is_last[position] | (rng.random(_STREAMS) < 1.0 / block_frames)
        position = np.where(jump, rng.integers(len(increments), size=_STREAMS), position + 1)
    return _run_lengths(np.sort(np.concatenate([*maxima, highest[highest > 0.0]])), _STREAMS * _STREAM_FRAMES)


def _run_lengths(maxima: np.ndarray, frames: int) -> RunLengths:
    """From the heights of all excursions in ``frames`` frames."""
    if len(maxima) < 2 * _MIN_ALARMS:
        # Clear frames hardly ever exceed the allowance: the smallest threshold is safe for any time asked for.
        return RunLengths(np.array([_MIN_THRESHOLD, 2 * _MIN_THRESHOLD]), np.log([1e9, 1e12]))
    top = maxima[-_MIN_ALARMS]
    simulated = np.linspace(0.0, top, 200)
    counts = len(maxima) - np.searchsorted(maxima, simulated, side="left")
    log_frames = np.log(frames / counts)
    # The slope of the upper half carries on beyond; log run length is linear in the threshold there (Siegmund, 1985).
    upper = simulated >= 0.5 * top
    slope = max(np.polyfit(simulated[upper], log_frames[upper], 1)[0], 1e-3) if upper.sum() > 2 else 1.0
    beyond = top + np.linspace(0.0, (np.log(1e12) - log_frames[-1]) / slope, 50)[1:]
    thresholds = np.concatenate([simulated, beyond])
    log_frames = np.concatenate([log_frames, log_frames[-1] + slope * (beyond - top)])
    return RunLengths(np.maximum(thresholds, _MIN_THRESHOLD), log_frames)
