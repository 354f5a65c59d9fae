"""AUROC, AUPR, FPR at 95 % TPR, intervals, correlation and error, against counts made by hand and closed forms."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from camseg_core.evaluation.detection.metrics import (
    Intervals,
    bootstrap_intervals,
    detection_metrics,
    median_relative_error,
    rank_correlation,
    rate_at,
    roc_points,
)


def auroc_by_pairs(clear, adverse):
    """The definition: over all pairs, the share in which the adverse frame is higher, ties counted half."""
    differences = np.subtract.outer(np.asarray(adverse), np.asarray(clear))
    return float(((differences > 0) + 0.5 * (differences == 0)).mean())


def fpr95_by_thresholds(clear, adverse):
    """The definition: over all thresholds that 95 % of the adverse frames reach, the smallest share of clear ones."""
    clear, adverse = np.asarray(clear), np.asarray(adverse)
    return min((clear >= t).mean() for t in adverse if (adverse >= t).mean() >= 0.95)


def test_a_score_that_separates_is_perfect():
    metrics = detection_metrics(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0]))
    assert (metrics.auroc, metrics.aupr, metrics.fpr95) == (1.0, 1.0, 0.0)


def test_adverse_is_the_positive_class():
    metrics = detection_metrics(np.array([4.0, 5.0]), np.array([1.0, 2.0, 3.0]))
    assert (metrics.auroc, metrics.fpr95) == (0.0, 1.0)


def test_figures_of_random_scores_with_ties_are_those_of_the_definitions():
    random = np.random.default_rng(0)
    clear, adverse = random.integers(0, 12, 57), random.integers(4, 16, 40)
    metrics = detection_metrics(clear, adverse)
    assert metrics.auroc == pytest.approx(auroc_by_pairs(clear, adverse))
    assert metrics.fpr95 == pytest.approx(fpr95_by_thresholds(clear, adverse))


def test_nineteen_of_twenty_are_95_percent():
    adverse = np.append(np.full(19, 5.0), 0.0)
    assert detection_metrics(np.array([1.0, 2.0, 6.0]), adverse).fpr95 == pytest.approx(1 / 3)


def test_aupr_counted_by_hand():
    # From the highest down: adverse (precision 1), clear, adverse (precision 2/3); each adds half of the recall.
    assert detection_metrics(np.array([2.0]), np.array([1.0, 3.0])).aupr == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_auroc_of_two_normal_distributions():
    random = np.random.default_rng(1)
    metrics = detection_metrics(random.normal(0, 1, 20_000), random.normal(2, 1, 20_000))
    assert metrics.auroc == pytest.approx(norm.cdf(2 / math.sqrt(2)), abs=0.005)
    assert metrics.fpr95 == pytest.approx(norm.sf(2 - norm.ppf(0.95)), abs=0.02)


def test_an_infinite_score_is_the_highest():
    metrics = detection_metrics(np.array([1.0, 1e300]), np.array([np.inf, 2.0]))
    assert metrics.auroc == pytest.approx(0.75)


def test_nan_and_nothing_are_refused():
    with pytest.raises(ValueError, match="1 scores are NaN"):
        detection_metrics(np.array([1.0, np.nan]), np.array([2.0]))
    with pytest.raises(ValueError, match="3 clear and 0 adverse"):
        detection_metrics(np.ones(3), np.array([]))


def test_a_score_at_the_threshold_counts():
    assert rate_at(np.array([0.9, 1.0, 1.1, 2.0]), 1.0) == 0.75


def test_roc_runs_from_corner_to_corner():
    fpr, tpr = roc_points(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert np.trapezoid(tpr, fpr) == pytest.approx(auroc_by_pairs([0.0, 1.0], [1.0, 2.0]))


def test_a_single_possible_draw_has_the_figures_themselves_as_interval():
    # However runs of equal frames are drawn, the frames are the same.
    runs = np.arange(6)
    intervals = bootstrap_intervals(np.full(6, 2.0), np.full(6, 2.0), runs, runs)
    assert intervals.auroc == (0.5, 0.5)
    assert intervals.fpr95 == (1.0, 1.0)


def test_frames_that_are_too_few_or_too_alike_have_no_interval():
    many, runs = np.random.default_rng(0).normal(size=60), np.zeros(60, dtype=int)
    slow = np.sin(np.arange(60) / 10)
    assert bootstrap_intervals(many, np.array([2.0]), runs, np.array([0])) == Intervals(None, None)
    assert bootstrap_intervals(many, slow, runs, runs) == Intervals(None, None)
    assert bootstrap_intervals(many, many, runs, runs).auroc is not None


def interval_width(block, frames=1200, seeds=4):
    """Mean width of the AUROC's interval for clear and adverse frames of which ``block`` neighbours are the same."""
    widths = []
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        clear = np.repeat(random.normal(0, 1, frames // block), block)
        adverse = np.repeat(random.normal(1, 1, frames // block), block)
        runs = np.zeros(frames, dtype=int)
        low, high = bootstrap_intervals(clear, adverse, runs, runs, seed=0, resamples=500).auroc
        assert low < detection_metrics(clear, adverse).auroc < high
        widths.append(high - low)
    return np.mean(widths)


def test_the_interval_of_independent_frames_has_the_width_of_theory():
    # Variance of the Mann–Whitney statistic by Hanley and McNeil (1982).
    a, n = norm.cdf(1 / math.sqrt(2)), 1200
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    variance = (a * (1 - a) + (n - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (n * n)
    assert interval_width(1) == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.1)


def test_frames_that_repeat_their_neighbours_widen_the_interval():
    # 200 different frames instead of 1200 know as much as 200: the standard error grows with the root of 6.
    assert interval_width(6) / interval_width(1) == pytest.approx(math.sqrt(6), rel=0.15)


@pytest.mark.parametrize(("runs", "frames"), [(1, 600), (4, 150), (8, 75)])
def test_the_interval_of_correlated_frames_holds_the_true_auroc_about_as_often_as_stated(runs, frames):
    # Neighbours correlate by 0.9, as those of a drive do.
    random, numbers = np.random.default_rng(0), np.repeat(np.arange(runs), frames)
    held = []
    for _ in range(60):
        clear, adverse = (
            np.concatenate([autoregressive(random, frames, 0.9) for _ in range(runs)]) + mean for mean in (0.0, 1.5)
        )
        low, high = bootstrap_intervals(clear, adverse, numbers, numbers, resamples=200).auroc
        held.append(low <= norm.cdf(1.5 / math.sqrt(2)) <= high)
    assert np.mean(held) >= 0.85


def test_days_that_differ_widen_the_interval_though_neighbours_do_not_correlate():
    # A tenth of the variance is of the day: ten days' means vary by more than their hundred frames each.
    random, days = np.random.default_rng(0), np.repeat(np.arange(10), 100)
    held = []
    for _ in range(60):
        clear, adverse = (
            mean + math.sqrt(0.1) * random.normal(size=10)[days] + math.sqrt(0.9) * random.normal(size=1000)
            for mean in (0.0, 1.5)
        )
        low, high = bootstrap_intervals(clear, adverse, days, days, resamples=200).auroc
        held.append(low <= norm.cdf(1.5 / math.sqrt(2)) <= high)
    assert np.mean(held) >= 0.85


def autoregressive(random, frames, correlation):
    """(frames,) standard normal scores, each correlated with the one before."""
    steps = random.normal(size=frames)
    steps[1:] *= math.sqrt(1 - correlation**2)
    return lfilter([1.0], [1.0, -correlation], steps)


def test_blocks_stay_within_their_runs_and_the_seed_decides():
    random = np.random.default_rng(3)
    clear, adverse, runs = random.normal(size=20), random.normal(1, 1, 18), np.array([0] * 10 + [1] * 10)
    others = np.array([5] * 6 + [9] * 12)
    first, again = (bootstrap_intervals(clear, adverse, runs, others, seed=4, resamples=50) for _ in range(2))
    assert first == again
    assert 0.0 <= first.auroc[0] <= first.auroc[1] <= 1.0


def test_rank_correlation_asks_for_order_alone():
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, np.exp(9.0), np.inf])) == pytest.approx(1.0)
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    assert math.isnan(rank_correlation(np.array([1.0, 1.0]), np.array([3.0, 2.0])))


def test_median_relative_error_leaves_out_what_was_not_estimated():
    truth, estimate = np.array([100.0, 200.0, 50.0, 400.0]), np.array([110.0, np.nan, 25.0, 600.0])
    assert median_relative_error(truth, estimate) == pytest.approx(0.5)
    assert math.isnan(median_relative_error(truth, np.full(4, np.nan)))
