"""What becomes of frames: the newest wins, old and unwanted ones are dropped, and every one is counted."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_engine import UNREADABLE_RED, FakeEngine
from ros_harness import BEST_EFFORT, OUTPUTS, PATIENCE_S, LocalNode, Peer, frame_message, random_pixels
from sensor_msgs.msg import CameraInfo

from camseg_core.drift.collecting import CollectingDetector
from camseg_core.drift.settings import DriftSettings
from camseg_core.frames import Frame, FrameResult
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.worker import FrameCounts

pytestmark = pytest.mark.ros


def settled(local: LocalNode, peer: Peer, received: int) -> FrameCounts:
    """The counts once that many frames came and none is pending."""
    peer.wait_until(lambda: local.counts().received >= received and local.counts().pending == 0, f"{received} frames")
    return local.counts()


def test_under_overload_the_newest_frame_wins_and_every_frame_is_counted(make_local_node, peer):
    local = make_local_node(inference_s=0.1)
    peer.subscribe("mask")
    peer.wait_for_node()
    before = local.counts()
    sent = 40
    for stamp_ns in range(100, 100 + sent):
        peer.publish(frame_message(random_pixels(), stamp_ns))
        time.sleep(0.01)
    peer.wait_until(
        lambda: peer.received["mask"] and peer.received["mask"][-1].header.stamp.nanosec == 100 + sent - 1,
        "the mask of the last frame",
    )
    after = settled(local, peer, 0)
    assert after.received == after.processed + after.dropped + after.failed
    assert after.processed - before.processed == len(peer.received["mask"])
    assert after.dropped_busy > before.dropped_busy
    assert after.dropped == after.dropped_busy
    diagnosed = peer.wait_until_counted(lambda values: values["pending"] == "0")
    counters = ("received", "processed", "dropped", "dropped_busy", "failed")
    assert {name: int(diagnosed[name]) for name in counters} == {name: getattr(after, name) for name in counters}


def test_frames_older_than_max_age_are_dropped_and_counted(make_local_node, peer):
    local = make_local_node(max_age_s=0.0)
    peer.subscribe("mask")
    peer.wait_for_node()
    before = local.counts()
    assert peer.set_parameter("max_age_s", 5.0).successful
    for number, age_s in enumerate((60.0, 0.0, 5.5, -60.0), start=1):  # a clock that runs ahead makes no frame old
        stamp_ns = time.time_ns() - round(age_s * 1e9)
        peer.publish(frame_message(random_pixels(), stamp_ns))
        after = settled(local, peer, before.received + number)
    assert (after.processed - before.processed, after.dropped_stale, after.dropped) == (2, 2, 2)
    assert peer.set_parameter("max_age_s", 0.0).successful
    peer.publish(frame_message(random_pixels(), stamp_ns=1))
    assert settled(local, peer, after.received + 1).processed == after.processed + 1


def test_age_is_measured_on_simulated_time_where_the_node_uses_it(make_local_node, peer):
    from rosgraph_msgs.msg import Clock

    local = make_local_node(use_sim_time=True, max_age_s=1.0)
    peer.subscribe("mask")
    clock = peer.node.create_publisher(Clock, "/clock", 10)

    def clock_is_set() -> bool:
        clock.publish(Clock(clock=frame_message(random_pixels(), 1_000_000_000_000).header.stamp))
        return local.node.get_clock().now().nanoseconds == 1_000_000_000_000

    peer.wait_until(clock_is_set, "the simulated clock")
    peer.wait_until(lambda: peer.camera().get_subscription_count() > 0, "the subscription")
    peer.wait_until(lambda: local.node.count_subscribers("/camseg/mask") == 1, "the output's subscription")
    for number, age_ns in enumerate((500_000_000, 1_500_000_000), start=1):
        peer.publish(frame_message(random_pixels(), 1_000_000_000_000 - age_ns))
        counts = settled(local, peer, number)
    assert (counts.processed, counts.dropped_stale) == (1, 1)


def test_drift_is_watched_while_nobody_subscribes_to_an_output(make_local_node, peer):
    local = make_local_node()
    peer.wait_for_node(outputs=False)
    for number, (green, message) in enumerate([(250, "drift ERROR"), (7, "segmenting, drift NOMINAL")], start=1):
        pixels = random_pixels()
        pixels[0, 0, 1] = green  # FakeEngine's score
        peer.publish(frame_message(pixels, stamp_ns=number))
        assert settled(local, peer, number) == FrameCounts(received=number, processed=number)
        peer.wait_until(lambda m=message: peer.status().message.startswith(m), message)


def test_diagnostics_say_why_a_camera_still_has_no_reference(make_local_node, peer):
    local = make_local_node()
    peer.wait_for_node(outputs=False)
    collecting = CollectingDetector("fake-model", settings=DriftSettings(collect_s=2.0))
    for second in range(3):
        collecting.update(np.ones(8), second * 10**9)
    local.engines[0].drift_detectors["camera"] = collecting
    peer.publish(frame_message(random_pixels(), stamp_ns=1))
    why = "no drift reference from 2 s of frames: clear drive 1 of 4 has 1 frames; expected 2 or more"
    peer.wait_until(lambda: peer.status().message.endswith(why), "the reason in the message")
    assert peer.status().level == DiagnosticStatus.WARN
    assert peer.diagnostic_values()["drift_collection_failure"] == why


def test_nothing_is_computed_that_nobody_subscribes_to(make_local_node, peer):
    local = make_local_node(monitor_drift=False, stale_after_s=60.0)  # idle is told as long as the frames are fresh
    peer.wait_for_node(outputs=False)
    for number in (1, 2, 3):
        peer.publish(frame_message(random_pixels(), stamp_ns=number))
        counts = settled(local, peer, number)
    assert counts == FrameCounts(received=3, dropped_unwatched=3)
    assert local.engines[0].frames == 0
    idle = (DiagnosticStatus.OK, "idle: nobody subscribes to an output")
    peer.wait_until(lambda: (peer.status().level, peer.status().message) == idle, "status idle")


@pytest.mark.parametrize(
    "events", [("wrong calibration", "good", "bad", "good"), ("bad", "wrong calibration", "good")], ids=" ".join
)
def test_a_wrong_calibration_and_a_bad_frame_cost_no_other_frame_its_outputs(make_local_node, peer, events):
    # rclpy's loggers raise where one line of code logs a warning now and an error then.
    local = make_local_node()
    peer.subscribe("overlay")  # published after camera_info
    peer.wait_for_node()
    peer.subscribe("camera_info")
    peer.wait_until(lambda: local.node.count_subscribers("/camseg/camera_info") == 1, "the output's subscription")
    calibration = peer.camera("/camera/camera_info", CameraInfo, BEST_EFFORT)
    peer.wait_until(lambda: calibration.get_subscription_count() > 0, "the subscription of camera_info")
    before = local.counts()
    for event in events:
        if event == "wrong calibration":
            calibration.publish(CameraInfo(height=10, width=10))
            peer.spin_for(0.3)
            continue
        pixels = random_pixels()
        pixels[0, 0, 0] = UNREADABLE_RED if event == "bad" else pixels[0, 0, 0]
        peer.publish(frame_message(pixels, stamp_ns=5))
        settled(local, peer, local.counts().received + 1)
    after = local.counts()
    assert (after.failed - before.failed, after.processed - before.processed) == (1, events.count("good"))
    peer.wait_until(lambda: len(peer.received["overlay"]) == events.count("good"), "the overlays of the good frames")
    assert peer.received["camera_info"] == []


def test_diagnostics_are_stale_until_a_frame_comes_and_while_none_comes_for_long(make_local_node, peer):
    make_local_node(stale_after_s=1.5)
    peer.subscribe("mask")
    peer.wait_for_node(outputs=False)
    assert peer.status().level == DiagnosticStatus.STALE
    assert peer.status().message == "no frame yet on /camera/image_raw"
    peer.wait_for_node()
    peer.publish(frame_message(random_pixels(), stamp_ns=2))
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.OK, "status OK")
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.STALE, "status STALE")
    assert "no frame for" in peer.status().message
    peer.publish(frame_message(random_pixels(), stamp_ns=3))  # the camera returns
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.OK, "status OK again")


def test_diagnostics_tell_of_a_node_that_segments_nothing_because_every_frame_is_stale(make_local_node, peer):
    make_local_node(max_age_s=1.0)
    peer.wait_for_node(outputs=False)

    def says(level: bytes, message: str, age_s: float) -> bool:
        stamp_ns = time.time_ns() - round(age_s * 1e9)
        peer.publish(frame_message(random_pixels(), stamp_ns))  # the camera's clock is behind
        peer.spin_for(0.1)
        return (peer.status().level, message in peer.status().message) == (level, True)

    peer.wait_until(lambda: says(DiagnosticStatus.ERROR, " dropped as stale, 0 as busy", age_s=60.0), "status ERROR")
    assert peer.status().message.startswith("no frame segmented for ")
    assert peer.diagnostic_values()["processed"] == "0"
    peer.wait_until(lambda: says(DiagnosticStatus.OK, "segmenting, drift NOMINAL", age_s=0.0), "status OK")


def test_diagnostics_tell_of_an_inference_that_hangs(make_local_node, peer):
    hangs, goes_on = threading.Event(), threading.Event()

    class HangingEngine(FakeEngine):
        def infer_batch(self, *arguments: Any, **named: Any) -> list[FrameResult]:
            assert not hangs.is_set() or goes_on.wait(PATIENCE_S)
            return super().infer_batch(*arguments, **named)

    local = make_local_node(engine_factory=HangingEngine)
    peer.subscribe("mask")
    peer.wait_for_node()

    def says(level: bytes, message: str) -> bool:
        peer.publish(frame_message(random_pixels(), stamp_ns=time.time_ns()))
        peer.spin_for(0.1)
        return (peer.status().level, message in peer.status().message) == (level, True)

    hangs.set()
    peer.wait_until(lambda: says(DiagnosticStatus.ERROR, ": 0 dropped as stale, "), "status ERROR")
    assert local.counts().dropped_busy > 0
    goes_on.set()
    peer.wait_until(lambda: says(DiagnosticStatus.OK, "segmenting, drift NOMINAL"), "status OK")


def test_remapped_and_namespaced_node_listens_to_its_camera(make_local_node, ros_domain):
    local = make_local_node(ros_arguments=["-r", "__ns:=/ego", "-r", "camera/image_raw:=/rear/image_raw"])
    with Peer(ros_domain, topic="/rear/image_raw", node_name="/ego/camseg") as peer:
        peer.wait_for_node(outputs=False)
        assert local.node.count_subscribers("/rear/camera_info") == 1
        assert peer.status().name == "ego/camseg: rear"
        topics = dict(peer.node.get_topic_names_and_types())
        assert {f"/ego/camseg/{output}" for output in OUTPUTS} <= topics.keys()


def test_masks_and_scores_are_those_of_the_engine(make_local_node, peer, tiny_model):
    make_local_node(engine_factory=InferenceEngine, model=str(tiny_model), device="cpu")
    peer.subscribe("mask", "drift", "confidence")
    peer.wait_for_node()
    pixels = random_pixels(90, 120, seed=4)
    peer.publish(frame_message(pixels, stamp_ns=9))
    peer.wait_until(lambda: all(peer.received[name] for name in ("mask", "drift", "confidence")), "the outputs")
    settings = EngineSettings(model=str(tiny_model), device="cpu")
    expected = InferenceEngine(settings).infer(Frame(pixels, stamp_ns=9), with_confidence=True)
    mask = np.frombuffer(peer.received["mask"][0].data, np.uint8).reshape(90, 120)
    np.testing.assert_array_equal(mask, expected.labels)
    confidence = np.frombuffer(peer.received["confidence"][0].data, np.uint8).reshape(90, 120)
    np.testing.assert_allclose(confidence, 255.0 * expected.confidence, atol=0.51)
    drift = peer.received["drift"][0]
    assert drift.score == pytest.approx(expected.drift.score, rel=1e-5)
    assert (drift.model_id, drift.reference_id) == (expected.drift.model_id, expected.drift.reference_id)
    assert drift.header.stamp.nanosec == 9
