"""Figures of a detector, each from plain scores; adverse is the positive class and a larger score is more adverse."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

TPR_OF_FPR95 = 0.95

_ROUNDING = 1e-9
"""Rates are ratios of sums; 19 of 20 must count as 95 %."""


@dataclass(frozen=True)
class DetectionMetrics:
    """What does not depend on a threshold; all fractions, 0 to 1.

    Attributes:
        auroc: probability that an adverse frame scores higher than a clear one, ties counted half.
        aupr: average precision: precision at each threshold weighted by the recall it adds (no interpolation). Its
            value for a score that knows nothing is the share of adverse frames.
        fpr95: false positive rate at 95 % true positive rate: the smallest share of clear frames at or above a
            threshold that at least 95 % of the adverse frames reach.
    """

    auroc: float
    aupr: float
    fpr95: float


@dataclass(frozen=True)
class Intervals:
    """95 % intervals of the same names, each (low, high)."""

    auroc: tuple[float, float]
    fpr95: tuple[float, float]


def detection_metrics(clear: np.ndarray, adverse: np.ndarray) -> DetectionMetrics:
    """The metrics of (M,) clear and (N,) adverse scores, 1 or more of each; infinite scores are allowed.

    Raises:
        ValueError: a score is NaN, or there are none.
    """
    positive, ranks = _ranked(clear, adverse)
    fpr, tpr, _ = roc_curve(positive, ranks, drop_intermediate=False)
    return DetectionMetrics(
        auroc=float(roc_auc_score(positive, ranks)),
        aupr=float(average_precision_score(positive, ranks)),
        fpr95=float(fpr[tpr >= TPR_OF_FPR95 - _ROUNDING].min()),
    )


def rate_at(scores: np.ndarray, threshold: float) -> float:
    """Share of the scores that reach the threshold: TPR of adverse frames, FPR of clear ones; NaN without scores."""
    return float(np.mean(scores >= threshold)) if len(scores) else math.nan


def roc_points(clear: np.ndarray, adverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of every threshold, both ascending, from (0, 0) to (1, 1)."""
    positive, ranks = _ranked(clear, adverse)
    fpr, tpr, _ = roc_curve(positive, ranks)
    return fpr, tpr


def bootstrap_intervals(
    clear: np.ndarray,
    adverse: np.ndarray,
    clear_runs: np.ndarray,
    adverse_runs: np.ndarray,
    seed: int = 0,
    resamples: int = 500,
) -> Intervals:
    """Percentile intervals by moving-block bootstrap (Künsch, 1989) within runs of neighbouring frames.

    Neighbouring frames are alike, so whole blocks of n^(1/3) frames are drawn instead of single ones, n being the
    frames of the class; the intervals are as wide as that many alike frames deserve.

    Args:
        clear: (M,) scores, in the order of time within each run.
        adverse: (N,) scores, likewise.
        clear_runs: (M,) run numbers; the frames of a run stand together.
        adverse_runs: (N,) run numbers, likewise.
        seed: of the draws.
        resamples: how many are drawn.
    """
    positive, ranks = _ranked(clear, adverse)
    levels = ranks.max() + 1
    clear_ranks, adverse_ranks = ranks[positive == 0], ranks[positive == 1]
    random = np.random.default_rng(seed)
    drawn = [
        _of_histograms(
            np.bincount(clear_ranks, _block_weights(clear_runs, random), minlength=levels),
            np.bincount(adverse_ranks, _block_weights(adverse_runs, random), minlength=levels),
        )
        for _ in range(resamples)
    ]
    aurocs, rates = np.array(drawn).T
    return Intervals(_interval(aurocs), _interval(rates))


def rank_correlation(severities: np.ndarray, scores: np.ndarray) -> float:
    """Spearman's rank correlation; NaN with fewer than two different severities or scores."""
    if len(np.unique(severities)) < 2 or len(np.unique(scores)) < 2:
        return math.nan
    return float(spearmanr(severities, rankdata(scores)).statistic)


def median_relative_error(truth: np.ndarray, estimate: np.ndarray) -> float:
    """Median of ``|estimate − truth| / truth`` over the frames with an estimate; NaN without any."""
    known = np.isfinite(estimate) & np.isfinite(truth)
    if not known.any():
        return math.nan
    return float(np.median(np.abs(estimate[known] - truth[known]) / truth[known]))


def _ranked(clear: np.ndarray, adverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class (1: adverse) and dense rank of every frame, clear ones first: the metrics need no more than the order."""
    scores = np.concatenate([clear, adverse])
    if not len(clear) or not len(adverse):
        raise ValueError(f"{len(clear)} clear and {len(adverse)} adverse scores; expected 1 or more of each")
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} scores are NaN; expected numbers")
    return np.repeat([0, 1], [len(clear), len(adverse)]), rankdata(scores, method="dense").astype(np.int64)


def _of_histograms(clear: np.ndarray, adverse: np.ndarray) -> tuple[float, float]:
    """AUROC and FPR at 95 % TPR of how many clear and adverse frames have each score, ascending.

    The same as ``detection_metrics``, a hundred times faster: a bootstrap asks hundreds of times.
    """
    below = np.cumsum(clear) - clear
    auroc = float(adverse @ (below + clear / 2)) / (clear.sum() * adverse.sum())
    fpr, tpr = (np.cumsum(counts[::-1]) / counts.sum() for counts in (clear, adverse))
    return auroc, float(fpr[np.argmax(tpr >= TPR_OF_FPR95 - _ROUNDING)])


def _block_weights(runs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How often each frame is drawn; as many frames as there are, in blocks that do not cross from run to run."""
    count = len(runs)
    length = math.ceil(count ** (1 / 3))
    # A block that starts near the end of its run is short, so blocks are drawn until there are enough frames.
    starts = random.integers(0, count, size=count)
    lengths = np.minimum(length, _run_ends(runs)[starts] - starts)
    used = int(np.searchsorted(np.cumsum(lengths), count)) + 1
    weights = np.zeros(count)
    for start, size in zip(starts[:used], lengths[:used], strict=True):
        weights[start : start + size] += 1
    return weights


def _run_ends(runs: np.ndarray) -> np.ndarray:
    """For each frame the index one past the last frame of its run."""
    last = np.flatnonzero(np.append(runs[1:] != runs[:-1], True)) + 1
    return last[np.searchsorted(last, np.arange(len(runs)), side="right")]


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
