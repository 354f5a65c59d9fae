"""The diagnostic status of a camera: level, message and counters for each situation."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_engine import drift_of

from camseg_ros.diagnostics import CameraFacts, CameraMonitor
from camseg_ros.worker import FrameCounts

pytestmark = pytest.mark.ros

NOMINAL, WARN, ERROR = 50.0, 150.0, 250.0  # scores; FakeEngine's thresholds are 100 and 200


@pytest.fixture
def monitor() -> CameraMonitor:
    return CameraMonitor(CameraFacts("camseg", "front", "/front/image_raw", "camseg-small", "cpu", stale_after_s=2.0))


def status_of(monitor: CameraMonitor, now_s: float = 10.5, is_watched: bool = True) -> DiagnosticStatus:
    return monitor.status(
        FrameCounts(received=9, processed=5, dropped=2, unwatched=1, failed=1, pending=1), is_watched, now_s
    )


def values_of(status: DiagnosticStatus) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def publish(monitor: CameraMonitor, score: float, latency_s: float = 0.1) -> None:
    monitor.frame_received(10.0)
    monitor.frame_published(drift_of(score, stamp_ns=0), inference_s=0.05, latency_s=latency_s)


def test_stale_before_the_first_frame(monitor):
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.STALE, "no frame yet on /front/image_raw")
    assert (status.name, status.hardware_id) == ("camseg: front", "front")
    assert values_of(status)["latency_p50_ms"] == "-"


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


def test_error_from_a_failed_frame_until_the_next_good_one(monitor):
    publish(monitor, NOMINAL)
    monitor.frame_failed("step is 3")
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, "step is 3")
    assert values_of(status)["last_failure"] == "step is 3"
    publish(monitor, NOMINAL)
    assert status_of(monitor).level == DiagnosticStatus.OK


def test_unwatched_camera_is_idle_and_its_drift_unknown(monitor):
    publish(monitor, ERROR)
    status = status_of(monitor, is_watched=False)
    assert (status.level, status.message) == (DiagnosticStatus.OK, "idle: nobody subscribes to an output")
    assert values_of(status)["drift_state"] == "UNKNOWN"


def test_values_are_the_counters_medians_and_facts(monitor):
    for latency_s in (0.1, 0.9, 0.2):
        publish(monitor, NOMINAL, latency_s)
    assert values_of(status_of(monitor)) == {
        "topic": "/front/image_raw",
        "received": "9",
        "processed": "5",
        "dropped": "2",
        "dropped_unwatched": "1",
        "failed": "1",
        "pending": "1",
        "latency_p50_ms": "200.0",
        "inference_p50_ms": "50.0",
        "drift_state": "NOMINAL",
        "drift_score": "50",
        "drift_warn_threshold": "100",
        "drift_error_threshold": "200",
        "model_id": "camseg-small",
        "device": "cpu",
        "last_failure": "",
    }
