"""Percentiles of known samples."""

import pytest
import torch

from camseg_core.benchmarks.timing import Latency, median_seconds


def test_percentiles_are_those_of_the_calls():
    latency = Latency.of([number / 1000.0 for number in range(101)])
    assert (latency.p50_ms, latency.p95_ms, latency.p99_ms) == pytest.approx((50.0, 95.0, 99.0))
    assert latency.mean_ms == pytest.approx(50.0)
    assert latency.calls == 101


def test_percentiles_between_calls_are_interpolated():
    assert Latency.of([0.001, 0.002]).p95_ms == pytest.approx(1.95)


def test_calls_that_warm_up_do_not_count():
    calls = []
    median_seconds(lambda: calls.append(None), torch.device("cpu"), repeats=5, warmup=2)
    assert len(calls) == 7
