"""The numbers of a run, from a made-up record, and the keys of ``metrics.json``."""

import json

import numpy as np
import pytest

from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.evaluation.report.summary import summarize
from camseg_core.labels import CAMVID
from camseg_core.weather import Weather

CLEAR, FOG, RAIN = Weather.clear(), Weather.fog(80.0), Weather.rain(30.0)


def two_class_metrics():
    """Sky 3 of 4 pixels right, road 4 of 4: IoU 3/4 and 4/5."""
    matrix = ConfusionMatrix(CAMVID)
    matrix.update(np.array([[0] * 4 + [3] * 4], np.uint8), np.array([[0] * 3 + [3] * 5], np.uint8))
    return matrix.metrics()


def test_metrics_have_the_promised_keys_at_their_top_level(made_up_run):
    metrics = summarize(made_up_run([CLEAR, FOG]), two_class_metrics(), {}).as_json()
    assert metrics["frames_sent"] == metrics["frames_received"] == metrics["frames_processed"] == 2
    assert metrics["frames_dropped"] == 0
    assert metrics["latency_ms"] == {"p50": 100.0, "p95": 100.0, "p99": 100.0}
    assert metrics["miou"] == pytest.approx((3 / 4 + 4 / 5) / 2)
    assert metrics["per_class_iou"]["sky"] == pytest.approx(3 / 4)
    assert metrics["drift_auroc"] == 0.5  # equal scores
    assert metrics["stamps_match"] is True
    assert metrics["source"] == "a made-up drive"
    assert metrics["versions"]["torch"] == "2.13.0"
    assert {"model", "hardware", "date"} <= metrics.keys()


def test_what_has_no_truth_is_null_and_a_class_that_never_occurs_too(made_up_run):
    metrics = summarize(made_up_run([None, None]), None, {}).as_json()
    assert metrics["miou"] is None
    assert metrics["per_class_iou"] is None
    assert metrics["drift_auroc"] is None
    assert metrics["conditions"] == {}
    labelled = summarize(made_up_run([None]), two_class_metrics(), {}).as_json()
    assert labelled["per_class_iou"]["tree"] is None
    json.dumps(labelled, allow_nan=False)


def test_a_run_without_any_output_still_has_its_counts(made_up_run):
    metrics = summarize(made_up_run([CLEAR, FOG], processed=lambda index: False), None, {}).as_json()
    assert (metrics["frames_sent"], metrics["frames_processed"], metrics["frames_dropped"]) == (2, 0, 2)
    assert metrics["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert metrics["drift"] == {"method": None, "warn_threshold": None, "error_threshold": None}


def test_drift_auroc_sets_fog_and_rain_against_clear_over_the_judged_frames(made_up_run):
    scores = [1.0, 8.0, 5.0, 9.0, 99.0]
    run = made_up_run([CLEAR, CLEAR, FOG, RAIN, CLEAR], score=scores.__getitem__, processed=lambda index: index != 4)
    # Pairs (affected, clear): 5>1, 5<8, 9>1, 9>8 → 3 of 4; the dropped frame's score of 99 never arrived.
    assert summarize(run, None, {}).drift_auroc == pytest.approx(3 / 4)


def test_conditions_are_summarised_by_themselves(made_up_run):
    scores = [1.0, 3.0, 12.0, 16.0, 2.0, 4.0]
    run = made_up_run(
        [CLEAR, CLEAR, FOG, FOG, FOG, FOG], score=scores.__getitem__, processed=lambda index: index not in (1, 5)
    )
    conditions = summarize(run, None, {"fog": 0.25}).conditions
    assert list(conditions) == ["clear", "fog"]
    fog = conditions["fog"]
    assert (fog.frames, fog.processed, fog.miou, fog.drift_score_median) == (4, 3, 0.25, 12.0)
    assert fog.drift_alarm_share == pytest.approx(2 / 3)
    assert conditions["clear"].miou is None
