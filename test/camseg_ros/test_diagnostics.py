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
from camseg_ros.work_times import UNKNOWN_BATCH_S, WorkTimes
from camseg_ros.worker import FrameCounts, Outcome

pytestmark = pytest.mark.ros

NOMINAL, WARN, ERROR = 50.0, 150.0, 250.0  # scores; FakeEngine's thresholds are 100 and 200


@pytest.fixture
def work() -> WorkTimes:
    return WorkTimes(turns=1)


@pytest.fixture
def monitor(work) -> CameraMonitor:
    return CameraMonitor(CameraFacts("camseg", "front", "/front/image_raw", "camseg-small", "cpu"), work)


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
    monitor: CameraMonitor,
    score: float,
    latency_s: float = 0.1,
    drift_state: DriftState | None = None,
    at_s: float = 10.0,
    **drift_fields: object,
) -> None:
    """A frame of that score, with the state that FakeEngine gives it unless another is said."""
    monitor.frame_received(at_s)
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
    drift = replace(drift_of(score, stamp_ns=0), **drift_fields)
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


def test_warn_is_explained_by_the_test_over_time_that_it_comes_from(monitor):
    # An alarm goes on below its threshold, and the score of a single frame says nothing of it.
    publish(monitor, NOMINAL, drift_state=DriftState.WARN, sequential_statistic=17.54, sequential_threshold=22.0)
    status = status_of(monitor)
    message = "drift WARN: sequential statistic 17.5, threshold 22, ends below 11"
    assert (status.level, status.message) == (DiagnosticStatus.WARN, message)


def test_error_is_explained_by_the_score_that_tells_it_from_warn(monitor):
    publish(monitor, ERROR, sequential_statistic=30.0, sequential_threshold=22.0)
    assert status_of(monitor).message == "drift ERROR: mahalanobis score 250, threshold 200"


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


def test_drift_and_times_of_an_earlier_activation_are_forgotten(monitor):
    publish(monitor, ERROR)
    monitor.begin()
    monitor.frame_received(10.4)
    status = status_of(monitor)
    assert (status.level, status.message) == (DiagnosticStatus.OK, "segmenting, drift UNKNOWN")
    values = values_of(status)
    assert (values["drift_state"], values["drift_score"], values["drift_cause"]) == ("UNKNOWN", "-", "-")
    assert values["pipeline_latency_p50_ms"] == "-"
    publish(monitor, NOMINAL, latency_s=0.3)
    assert status_of(monitor).message == "segmenting, drift NOMINAL"
    assert values_of(status_of(monitor))["pipeline_latency_p50_ms"] == "300.0"


@pytest.mark.parametrize("what", ["nobody listens any more", "activated anew"])
def test_a_failure_is_forgotten_with_what_wanted_the_frame(monitor, what):
    publish(monitor, NOMINAL)
    monitor.frame_failed("step is 3")
    if what == "activated anew":
        monitor.begin()
    else:
        monitor.frame_received(10.2)
        monitor.frame_dropped(Outcome.DROPPED_UNWATCHED)
    status = status_of(monitor)
    assert (status.level, values_of(status)["last_failure"]) == (DiagnosticStatus.OK, "")


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


STALE_AFTER_S = 2.0  # as in status_of


def drop(monitor: CameraMonitor, reason: Outcome, *times_s: float) -> None:
    for now_s in times_s:
        monitor.frame_received(now_s)
        monitor.frame_dropped(reason)


def level_of(monitor: CameraMonitor, now_s: float, is_wanted: bool = True) -> bytes:
    return status_of(monitor, now_s, is_wanted=is_wanted).level


def test_error_where_every_frame_is_dropped_as_stale(monitor):
    drop(monitor, Outcome.DROPPED_STALE, 10.0, 11.0, 12.0)
    assert level_of(monitor, 12.0) == DiagnosticStatus.OK
    drop(monitor, Outcome.DROPPED_STALE, 12.5)
    status = status_of(monitor, now_s=12.5)
    message = "no frame segmented for 2.5 s: 4 dropped as stale, 0 as busy"
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, message)
    assert values_of(status)["drift_state"] == "UNKNOWN"
    publish(monitor, NOMINAL, at_s=13.0)
    assert level_of(monitor, 13.0) == DiagnosticStatus.OK
    drop(monitor, Outcome.DROPPED_STALE, 13.5, 15.75)  # counted anew from the result on
    status = status_of(monitor, now_s=15.75)
    assert status.message == "no frame segmented for 2.2 s: 2 dropped as stale, 0 as busy"
    assert values_of(status)["drift_state"] == "STALE"


def test_error_where_the_frame_in_work_does_not_end(monitor, work):
    publish(monitor, NOMINAL, at_s=10.0)
    work.begin("sampling", 9.5)
    work.end(10.0)
    monitor.frame_received(10.1)
    monitor.frame_taken(10.1)
    work.begin("sampling", 10.1)
    drop(monitor, Outcome.DROPPED_BUSY, 11.0, 12.0, 13.0)
    assert level_of(monitor, 13.0) == DiagnosticStatus.OK  # three times what the last one took, and STALE_AFTER_S
    drop(monitor, Outcome.DROPPED_BUSY, 14.0)
    status = status_of(monitor, now_s=14.0)
    message = "no frame segmented for 3.9 s: 0 dropped as stale, 4 as busy"
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, message)


def test_a_slow_model_is_no_error_and_neither_is_its_first_frame(monitor, work):
    monitor.begin()
    for start_s in (0.0, 20.0, 40.0):
        monitor.frame_received(start_s)
        monitor.frame_taken(start_s)
        work.begin("sampling", start_s)
        drop(monitor, Outcome.DROPPED_BUSY, start_s + 19.0)
        assert level_of(monitor, start_s + 20.0) == DiagnosticStatus.OK
        publish(monitor, NOMINAL, at_s=start_s + 20.0)
        work.end(start_s + 20.0)


@pytest.mark.parametrize("is_activated_anew", [False, True])
@pytest.mark.parametrize("reference_id", ["", "fake-reference"])
def test_the_fit_of_a_reference_is_waited_for(monitor, work, reference_id, is_activated_anew):
    # As long as a camera collects its results name no reference.
    publish(monitor, NOMINAL, at_s=10.0, drift_state=DriftState.UNKNOWN, reference_id=reference_id)
    if is_activated_anew:
        monitor.begin()
    work.begin("sampling", 9.9)
    work.end(10.0)
    monitor.frame_received(10.0)
    monitor.frame_taken(10.0)
    work.begin("sampling", 10.0)
    drop(monitor, Outcome.DROPPED_BUSY, 15.0)
    assert level_of(monitor, 15.0) == (DiagnosticStatus.ERROR if reference_id else DiagnosticStatus.OK)
    late_s = 10.0 + STALE_AFTER_S + UNKNOWN_BATCH_S + 0.5
    drop(monitor, Outcome.DROPPED_BUSY, late_s)
    assert level_of(monitor, late_s) == DiagnosticStatus.ERROR


def test_a_camera_whose_frames_are_rare_is_no_error_when_one_comes(monitor, work):
    for minute, dropped in enumerate([False, True, False]):
        now_s = 60.0 * minute
        monitor.frame_received(now_s)
        if dropped:
            monitor.frame_dropped(Outcome.DROPPED_STALE)
            continue
        monitor.frame_taken(now_s)
        work.begin("sampling", now_s)
        assert level_of(monitor, now_s + 0.5) == DiagnosticStatus.OK
        publish(monitor, NOMINAL, at_s=now_s)
        work.end(now_s + 0.5)
        assert level_of(monitor, now_s + 1.5) == DiagnosticStatus.OK


def test_frames_that_nobody_wanted_are_not_waited_for_once_somebody_does(monitor):
    drop(monitor, Outcome.DROPPED_UNWATCHED, 10.0, 20.0)
    monitor.frame_received(20.5)
    assert level_of(monitor, 20.5) == DiagnosticStatus.OK
    assert level_of(monitor, 22.0, is_wanted=False) == DiagnosticStatus.OK


def test_frames_from_before_the_node_was_active_are_not_waited_for(monitor):
    monitor.frame_received(10.0)
    monitor.begin()
    monitor.frame_received(20.5)
    assert level_of(monitor, 20.5) == DiagnosticStatus.OK


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


def test_the_time_that_nobody_listened_for_is_not_counted():
    monitor = TopicMonitor("camseg", "/front/image_raw")
    feed(monitor, 10.0)
    monitor.begin()
    last_s = feed(monitor, 10.0, start_s=9.0)
    assert monitor.status(last_s, 10.0).level == DiagnosticStatus.OK


def test_a_topic_that_fell_silent_has_no_events():
    monitor = TopicMonitor("camseg", "/front/image_raw")
    last_s = feed(monitor, 10.0)
    assert monitor.status(last_s + 9.0, 0.0).level == DiagnosticStatus.OK
    status = monitor.status(last_s + 11.0, 0.0)
    assert (status.level, status.message) == (DiagnosticStatus.ERROR, "No events recorded.")
    assert values_of(status)["Events since startup"] == "50"


@pytest.mark.parametrize("rate_hz", [0.2, 0.25, 0.5, 1.0, 7.0, 30.0])
def test_a_camera_that_is_right_is_never_told_off_however_rare_its_frames(rate_hz):
    monitor = TopicMonitor("camseg", "/front/image_raw")
    statuses, frames = [], 0
    for tick in range(1810):  # a status every tenth of a second, and so at every phase of the frames
        now_s = 0.1 * tick
        while frames / rate_hz <= now_s:
            monitor.tick(frames / rate_hz, 0.02)
            frames += 1
        statuses.append(monitor.status(now_s, rate_hz))
    assert {status.message for status in statuses} == {"Timestamps are reasonable."}
    rates_hz = [float(values_of(status)["Actual frequency (Hz)"]) for status in statuses]
    assert rates_hz[-100:] == pytest.approx([rate_hz] * 100, rel=1e-3)


@pytest.mark.parametrize(
    ("rate_hz", "message"), [(0.25, "Frequency too high."), (0.15, "Frequency too low."), (0.2, "reasonable")]
)
def test_rare_frames_are_judged_too(rate_hz, message):
    monitor = TopicMonitor("camseg", "/front/image_raw")
    for frame in range(20):
        monitor.tick(frame / rate_hz, 0.02)
    before_the_next_s = 19 / rate_hz + 0.99 / rate_hz
    assert message in monitor.status(before_the_next_s, 0.2).message


def test_a_lone_message_is_never_too_often_and_silence_is_too_low():
    monitor = TopicMonitor("camseg", "/front/image_raw")
    monitor.tick(0.0, 0.02)
    for now_s in (0.0, 0.01, 0.1):
        assert monitor.status(now_s, 10.0).message == "Timestamps are reasonable."
    assert monitor.status(2.0, 10.0).message == "Frequency too low."
    for tick in range(1, 30):
        monitor.tick(0.1 * tick, 0.02)
    assert monitor.status(2.9, 10.0).message == "Timestamps are reasonable."
    assert monitor.status(6.0, 10.0).message == "Frequency too low."
