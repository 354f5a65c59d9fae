"""The diagnostic status of a camera: level, message and counters for each situation."""

import math
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_engine import drift_of

from camseg_core.frames import DriftState
from camseg_ros.diagnostics import CameraFacts, CameraMonitor, node_status
from camseg_ros.timing import FrameTiming
from camseg_ros.topic_status import TopicMonitor
from camseg_ros.worker import FrameCounts

pytestmark = pytest.mark.ros

NOMINAL, WARN, ERROR = 50.0, 150.0, 250.0  # scores; FakeEngine's thresholds are 100 and 200


@pytest.fixture
def monitor() -> CameraMonitor:
    return CameraMonitor(CameraFacts("camseg", "front", "/front/image_raw", "camseg-small", "cpu"))


COUNTS = FrameCounts(
    received=14,
    processed=5,
    failed=1,
    dropped_busy=1,
    dropped_stale=2,
    dropped_unwatched=3,
    dropped_stopped=1,
    pending=1,
)


def status_of(
    monitor: CameraMonitor,
    now_s: float = 10.5,
    is_wanted: bool = True,
    is_active: bool = True,
    collection_failure: str = "",
) -> DiagnosticStatus:
    return monitor.status(
        COUNTS,
        is_active=is_active,
        is_wanted=is_wanted,
        collection_failure=collection_failure,
        stale_after_s=2.0,
        now_s=now_s,
    )


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def publish(
    monitor: CameraMonitor, score: float, latency_s: float = 0.1, drift_state: DriftState | None = None
) -> None:
    """A frame of that score, with the state that FakeEngine gives it unless another is said."""
    monitor.frame_received(10.0)
    timing = FrameTiming(
        transport_latency_ms=2.0,
        waiting_time_ms=1.0,
        reading_time_ms=1.5,
        inference_time_ms=50.0,
        publishing_time_ms=3.5,
        processing_time_ms=55.0,
        pipeline_latency_ms=1e3 * latency_s,
        cyclic_time_ms=math.nan,
    )
    drift = drift_of(score, stamp_ns=0)
    monitor.frame_published(drift if drift_state is None else replace(drift, state=drift_state), timing)


def test_stale_before_the_first_frame(monitor):
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.STALE, "no frame yet on /front/image_raw")
    assert (status.name, status.hardware_id) == ("camseg: front", "front")
    assert values_of(status)["pipeline_latency_p50_ms"] == "-"


@pytest.mark.parametrize(
    ("score", "level", "message"),
    [
        (NOMINAL, DiagnosticStatus.OK, "segmenting, drift NOMINAL"),
        (WARN, DiagnosticStatus.WARN, "drift WARN: mahalanobis score 150, threshold 100"),
        (ERROR, DiagnosticStatus.ERROR, "drift ERROR: mahalanobis score 250, threshold 200"),
    ],
)
def test_level_follows_the_drift_state(monitor, score, level, message):
    publish(monitor, score)
    status = status_of(monitor)
    assert (status.level, status.message) == (level, message)


def test_stale_when_no_frame_came_for_too_long(monitor):
    publish(monitor, NOMINAL)
    assert status_of(monitor, now_s=12.0).level == DiagnosticStatus.OK
    status = status_of(monitor, now_s=12.5)
    assert (status.level, status.message) == (DiagnosticStatus.STALE, "no frame for 2.5 s on /front/image_raw")
    assert values_of(status)["drift_state"] == "STALE"


@pytest.mark.parametrize("score", [NOMINAL, ERROR])
def test_stale_while_frames_come_whose_stamps_do_not_advance(monitor, score):
    publish(monitor, score, drift_state=DriftState.STALE)
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.STALE, "stamps do not advance on /front/image_raw")
    assert values_of(status)["drift_state"] == "STALE"
    publish(monitor, NOMINAL)
    assert status_of(monitor).level == DiagnosticStatus.OK


def test_error_from_a_failed_frame_until_the_next_good_one(monitor):
    publish(monitor, NOMINAL)
    monitor.frame_failed("step is 3")
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, "step is 3")
    assert values_of(status)["last_failure"] == "step is 3"
    publish(monitor, NOMINAL)
    assert status_of(monitor).level == DiagnosticStatus.OK


def test_warns_while_no_reference_came_of_the_frames_collected(monitor):
    publish(monitor, 0.0, drift_state=DriftState.UNKNOWN)
    status = status_of(monitor, collection_failure="all 201 clear frames are the same")
    assert status.level == DiagnosticStatus.WARN
    assert status.message == "segmenting, drift UNKNOWN: all 201 clear frames are the same"
    assert values_of(status)["drift_collection_failure"] == "all 201 clear frames are the same"
    assert status_of(monitor).level == DiagnosticStatus.OK


def test_unwatched_camera_is_idle_and_its_drift_unknown(monitor):
    publish(monitor, ERROR)
    status = status_of(monitor, is_wanted=False)
    assert (status.level, status.message) == (DiagnosticStatus.OK, "idle: nobody subscribes to an output")
    assert values_of(status)["drift_state"] == "UNKNOWN"


def test_camera_of_an_inactive_node_is_not_stale(monitor):
    status = status_of(monitor, is_active=False)
    assert (status.level, status.message) == (DiagnosticStatus.OK, "the node is inactive")


@pytest.mark.parametrize(
    ("failure", "level", "message"),
    [("", DiagnosticStatus.OK, "inactive"), ("no model", DiagnosticStatus.ERROR, "no model")],
)
def test_node_says_its_lifecycle_state_or_why_it_is_not_further(failure, level, message):
    status = node_status("camseg", "inactive", failure)
    assert (status.name, status.level, status.message) == ("camseg: lifecycle", level, message)
    assert values_of(status) == {"state": "inactive", "last_failure": failure}


def test_values_are_the_counters_medians_and_facts(monitor):
    for latency_s in (0.1, 0.9, 0.2):
        publish(monitor, NOMINAL, latency_s)
    assert values_of(status_of(monitor)) == {
        "topic": "/front/image_raw",
        "received": "14",
        "processed": "5",
        "dropped": "7",
        "dropped_busy": "1",
        "dropped_stale": "2",
        "dropped_unwatched": "3",
        "dropped_stopped": "1",
        "failed": "1",
        "pending": "1",
        "transport_latency_p50_ms": "2.0",
        "waiting_time_p50_ms": "1.0",
        "reading_time_p50_ms": "1.5",
        "inference_time_p50_ms": "50.0",
        "publishing_time_p50_ms": "3.5",
        "processing_time_p50_ms": "55.0",
        "pipeline_latency_p50_ms": "200.0",
        "cyclic_time_p50_ms": "-",
        "drift_state": "NOMINAL",
        "drift_score": "50",
        "drift_warn_threshold": "100",
        "drift_error_threshold": "200",
        "drift_collection_failure": "",
        "drift_cause": "fog 0.75",
        "visibility_m": "120",
        "model_id": "camseg-small",
        "device": "cpu",
        "last_failure": "",
    }


def feed(monitor: TopicMonitor, rate_hz: float, delay_s: float | None = 0.02, start_s: float = 0.0) -> float:
    """Five seconds of messages; returns when the last one came."""
    for index in range(round(5 * rate_hz)):
        now_s = start_s + index / rate_hz
        monitor.tick(now_s, delay_s)
    return now_s


@pytest.mark.parametrize(
    ("rate_hz", "expected_rate_hz", "delay_s", "level", "message"),
    [
        (10.0, 10.0, 0.02, DiagnosticStatus.OK, "Timestamps are reasonable."),
        (10.0, 0.0, None, DiagnosticStatus.OK, "No timestamps seen."),
        (8.0, 10.0, 0.02, DiagnosticStatus.WARN, "Frequency too low."),
        (12.0, 10.0, 0.02, DiagnosticStatus.WARN, "Frequency too high."),
        (8.0, 0.0, 6.0, DiagnosticStatus.WARN, "Timestamps too far in past seen."),
        (8.0, 0.0, -2.0, DiagnosticStatus.WARN, "Timestamps too far in future seen."),
    ],
)
def test_topic_is_judged_by_rate_and_age_as_diagnostic_updater_judges_it(
    rate_hz, expected_rate_hz, delay_s, level, message
):
    monitor = TopicMonitor("camseg", "/front/image_raw")
    status = monitor.status(feed(monitor, rate_hz, delay_s), expected_rate_hz)
    assert (status.name, status.level, status.message) == ("camseg: /front/image_raw topic status", level, message)
    assert float(values_of(status)["Actual frequency (Hz)"]) == pytest.approx(rate_hz, rel=0.05)


def test_a_topic_that_fell_silent_has_no_events():
    monitor = TopicMonitor("camseg", "/front/image_raw")
    last_s = feed(monitor, 10.0)
    assert monitor.status(last_s + 9.0, 0.0).level == DiagnosticStatus.OK
    status = monitor.status(last_s + 11.0, 0.0)
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, "No events recorded.")
    assert values_of(status)["Events since startup"] == "50"
