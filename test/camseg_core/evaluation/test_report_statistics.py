"""Percentiles and AUROC against hand-counted values."""

import pytest

from camseg_core.evaluation.report.statistics import auroc, latency_percentiles


def test_percentiles_interpolate_between_order_statistics():
    # 1 … 101: the p-th percentile is p + 1 exactly.
    assert latency_percentiles([float(n) for n in range(1, 102)]) == {"p50": 51.0, "p95": 96.0, "p99": 100.0}
    assert latency_percentiles([10.0, 20.0])["p50"] == 15.0


def test_without_latencies_there_are_no_percentiles():
    assert latency_percentiles([]) == {"p50": None, "p95": None, "p99": None}


@pytest.mark.parametrize(
    ("scores", "affected", "expected"),
    [
        ([1, 2, 3, 4], [False, False, True, True], 1.0),
        ([4, 3, 2, 1], [False, False, True, True], 0.0),
        # Pairs (affected, clear): 2>1, 2=2, 4>1, 4>2 → 3.5 of 4.
        ([1, 2, 2, 4], [False, False, True, True], 0.875),
    ],
)
def test_auroc_is_the_share_of_pairs_in_the_right_order_with_ties_counted_half(scores, affected, expected):
    assert auroc(scores, affected) == pytest.approx(expected)


@pytest.mark.parametrize("affected", [[], [True, True], [False, False]])
def test_auroc_is_none_where_there_is_nothing_to_tell_apart(affected):
    assert auroc([1.0] * len(affected), affected) is None
