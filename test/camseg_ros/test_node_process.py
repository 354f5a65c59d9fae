"""Start, load and end of the node as a process: parameters, counters, diagnostics, signals, exit codes."""

import signal
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from ros_harness import OUTPUTS, Peer, frame_message, random_pixels

from camseg_core.frames import Frame
from camseg_core.runtime.engine import EngineSettings, InferenceEngine

pytestmark = pytest.mark.ros


def test_under_overload_the_newest_frame_wins_and_every_frame_is_counted(start_node, peer):
    start_node(inference_s=0.1)
    peer.subscribe("mask")
    peer.wait_for_node()
    before = peer.diagnostic_values()
    sent = 40
    for stamp_ns in range(100, 100 + sent):
        peer.publish(frame_message(random_pixels(), stamp_ns))
        time.sleep(0.01)
    peer.wait_until(
        lambda: peer.received["mask"] and peer.received["mask"][-1].header.stamp.nanosec == 100 + sent - 1,
        "the mask of the last frame",
    )
    after = peer.wait_until_counted(lambda values: values["pending"] == "0")
    received, processed, dropped, failed = (
        int(after[key]) - int(before[key]) for key in ("received", "processed", "dropped", "failed")
    )
    assert received == processed + dropped + failed
    assert (processed, failed) == (len(peer.received["mask"]), 0)
    assert dropped > 0


def test_nothing_is_computed_that_nobody_subscribes_to(start_node, peer):
    start_node()
    peer.wait_for_node(outputs=False)
    for stamp_ns in (2, 3, 4):
        peer.publish(frame_message(random_pixels(), stamp_ns))
        values = peer.wait_until_counted(lambda values, n=stamp_ns - 1: values["received"] == str(n))
    assert (values["processed"], values["dropped"], values["dropped_unwatched"]) == ("0", "3", "3")
    assert (peer.status().level, peer.status().message) == (
        DiagnosticStatus.OK,
        "idle: nobody subscribes to an output",
    )


def test_diagnostics_are_stale_until_a_frame_comes_and_after_none_came_for_long(start_node, peer):
    start_node("--ros-args", "-p", "stale_after_s:=1.5")
    peer.subscribe("mask")
    peer.wait_for_node(outputs=False)
    assert peer.status().level == DiagnosticStatus.STALE
    assert peer.status().message == "no frame yet on /camera/image_raw"
    peer.wait_for_node()
    peer.publish(frame_message(random_pixels(), stamp_ns=2))
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.OK, "status OK")
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.STALE, "status STALE")
    assert "no frame for" in peer.status().message


def test_remapped_and_namespaced_node_listens_to_its_camera(start_node, ros_domain):
    node = start_node("--ros-args", "-r", "__ns:=/ego", "-r", "camera/image_raw:=/rear/image_raw")
    with Peer(ros_domain, topic="/rear/image_raw") as peer:
        peer.wait_for_node(outputs=False)
        node.wait_for_log("listening to /rear/image_raw")
        assert peer.status().name == "camseg: rear"
        topics = dict(peer.node.get_topic_names_and_types())
        assert {f"/ego/camseg/{output}" for output in OUTPUTS} <= topics.keys()


def test_masks_and_scores_are_those_of_the_engine(start_node, peer, tiny_model):
    start_node("--ros-args", "-p", f"model:={tiny_model}", "-p", "device:=cpu", inference_s=None)
    peer.subscribe("mask", "drift")
    peer.wait_for_node()
    pixels = random_pixels(90, 120, seed=4)
    peer.publish(frame_message(pixels, stamp_ns=9))
    peer.wait_until(lambda: peer.received["mask"] and peer.received["drift"], "mask and drift")
    expected = InferenceEngine(EngineSettings(model=str(tiny_model), device="cpu")).infer(Frame(pixels, stamp_ns=9))
    mask = np.frombuffer(peer.received["mask"][0].data, np.uint8).reshape(90, 120)
    np.testing.assert_array_equal(mask, expected.labels)
    drift = peer.received["drift"][0]
    assert drift.score == pytest.approx(expected.drift.score, rel=1e-5)
    assert (drift.model_id, drift.reference_id) == (expected.drift.model_id, expected.drift.reference_id)
    assert drift.header.stamp.nanosec == 9


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_node_with_a_summary_and_exit_code_0(start_node, peer, number):
    node = start_node()
    peer.subscribe("mask")
    peer.wait_for_node()
    assert node.stop(number) == 0
    assert "frames received " in node.log()
    assert "Traceback" not in node.log()


def test_signal_ends_the_node_while_a_frame_is_in_work(start_node, peer):
    node = start_node(inference_s=3600.0)
    peer.subscribe("mask")
    peer.wait_for_node(outputs=False)
    peer.publish(frame_message(random_pixels(), stamp_ns=2))
    peer.wait_until_counted(lambda values: values["pending"] == "1")
    assert node.stop() == 0
    assert "camera: frames received 1, processed 0, dropped 0 " in node.log()
    assert "failed 0, unfinished 1" in node.log()


def test_signal_while_starting_is_no_error(start_node):
    node = start_node("--ros-args", "--log-level", "debug")
    node.wait_for_log("rcl")  # the node is being made
    assert node.stop() == 0
    assert "Traceback" not in node.log()


def test_signal_while_the_model_loads_is_no_error(start_node, peer):
    node = start_node(load_s=3600.0)
    node.wait_for_log("loading model")
    assert node.stop() == 0
    assert "Traceback" not in node.log()


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("steps:=0", "parameter 'steps' is 0; expected an integer from 1 to 1000"),
        ("model:=no-such-model", "model 'no-such-model'"),
    ],
)
def test_parameter_that_cannot_be_used_ends_the_node_with_its_name_and_value(start_node, parameter, said):
    node = start_node("--ros-args", "-p", parameter, inference_s=None)
    assert node.wait() == 1
    assert node.log().count("[FATAL]") == 1
    assert said in node.log()
    assert "Traceback" not in node.log()


def test_missing_parameter_file_ends_the_node_with_its_name(start_node):
    node = start_node("--ros-args", "--params-file", "/no/such.yaml")
    assert node.wait() == 1
    assert "/no/such.yaml" in node.log()
    assert "Traceback" not in node.log()
