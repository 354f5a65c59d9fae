"""Figures of a detector, each from plain scores; adverse is the positive class and a larger score is more adverse."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata, spearmanr, t
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from camseg_core.drift.sequential import correlation_frames

TPR_OF_FPR95 = 0.95

RESAMPLES = 2000
BLOCK_CORRELATIONS = 3.0
"""Length of a block in correlation times. Set on simulated AR(1) scores, never on frames: there the intervals hold the
true AUROC in 91 to 97 % of cases with ten blocks or more (neighbours correlated by 0 to 0.97, 1 to 12 runs) and in 81
to 95 % with fewer; those of blocks of one correlation time do in 84 to 93 %. Of one run of two or three correlation
times the correlation is sometimes found too short, in 6 % of cases enough for an interval, which is then too narrow."""

WHOLE_RUNS = 5
"""From so many runs on whole ones are drawn: what differs between days shows in no correlation of neighbours."""

MIN_BLOCKS = 3.0
"""With fewer blocks than this nothing can be said of how they differ."""

_TAIL = 0.025

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
    """95 % intervals of the same names, each (low, high); None where the frames are too few or too alike for any."""

    auroc: tuple[float, float] | None
    fpr95: tuple[float, float] | None


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
    resamples: int = RESAMPLES,
) -> Intervals:
    """Percentile intervals by circular block bootstrap (Politis and Romano, 1992) within runs of neighbouring frames.

    Neighbouring frames are alike, so blocks are drawn instead of single frames: whole runs of a class that has
    WHOLE_RUNS or more, else BLOCK_CORRELATIONS integrated correlation times of its ranks, at most a run. Few blocks
    differ less among themselves than from others, so the percentiles are those of Student's t for the number of blocks
    (Hesterberg, 2015, the expanded percentile interval), the smaller number of the two classes.

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
    clear_blocks, adverse_blocks = _Blocks.of(clear_ranks, clear_runs), _Blocks.of(adverse_ranks, adverse_runs)
    count = min(clear_blocks.count, adverse_blocks.count)
    if count < MIN_BLOCKS:
        return Intervals(None, None)
    drawn = [
        _of_histograms(
            np.bincount(clear_ranks, clear_blocks.draw(random), minlength=levels),
            np.bincount(adverse_ranks, adverse_blocks.draw(random), minlength=levels),
        )
        for _ in range(resamples)
    ]
    aurocs, rates = np.array(drawn).T
    return Intervals(_interval(aurocs, count), _interval(rates, count))


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


@dataclass(frozen=True)
class _Blocks:
    """What is drawn from the n frames of a class: blocks that go around the end of their run to its start.

    Attributes:
        first, frames: (n,) index of the first frame of each one's run, and the frames of that run.
        sizes: (n,) frames of a block that begins at each.
    """

    first: np.ndarray
    frames: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, ranks: np.ndarray, runs: np.ndarray) -> "_Blocks":
        """Blocks as long as (n,) ranks, in runs of these (n,) numbers, are alike."""
        begins = np.flatnonzero(np.append(True, runs[1:] != runs[:-1]))
        frames = np.diff(np.append(begins, len(runs)))
        sizes = frames
        if len(begins) < WHOLE_RUNS:
            sizes = np.minimum(frames, math.ceil(BLOCK_CORRELATIONS * correlation_frames(np.split(ranks, begins[1:]))))
        return cls(*(np.repeat(of_run, frames) for of_run in (begins, frames, sizes)))

    @property
    def count(self) -> float:
        """How many blocks of one size say as much (Kish, 1965): sizes differ where runs are shorter than a block."""
        return len(self.sizes) / float(self.sizes.mean())

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """(n,) how often each frame is drawn, n in all; each as often on average as any other."""
        count = len(self.sizes)
        chances = 1.0 / self.sizes
        starts = random.choice(count, math.ceil(count / self.sizes.min()), p=chances / chances.sum())
        sizes = self.sizes[starts]
        left = count - (np.cumsum(sizes) - sizes)
        sizes = np.clip(left, 0, sizes)
        first, ends = self.first[starts], starts + sizes
        over = np.maximum(ends - first - self.frames[starts], 0)
        # Each block adds one to a stretch of frames, and, where it goes around, to another at the start of its run.
        changes = np.zeros(count + 1)
        for indices, change in ((starts, 1.0), (ends - over, -1.0), (first, 1.0), (first + over, -1.0)):
            changes += change * np.bincount(indices, minlength=count + 1)
        return np.cumsum(changes[:-1])


def _interval(values: np.ndarray, blocks: float) -> tuple[float, float]:
    tail = norm.cdf(math.sqrt(blocks / (blocks - 1.0)) * t.ppf(_TAIL, blocks - 1.0))
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)
