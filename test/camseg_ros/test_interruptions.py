"""Processes that are killed without a chance to say so: the camera's, and the node's own while it configures."""

import signal
import subprocess
import sys

import pytest
from ros_harness import ROOT, frame_message, random_pixels

pytestmark = pytest.mark.ros


def start_camera(tmp_path) -> subprocess.Popen:
    """A camera of 48×64 in a process of its own, on the default topic, at 20 Hz."""
    module = [sys.executable, "-m", "camseg_ros.benchmarks.cameras_process", "--topic", "/camera/image_raw"]
    options = ["--height", "48", "--width", "64", "--rate", "20", "--log", str(tmp_path / "sent.jsonl")]
    return subprocess.Popen([*module, *options], cwd=ROOT)


def test_a_camera_that_is_killed_costs_no_frame_of_the_next_one(
    make_local_node, peer, ros_domain, tmp_path, monkeypatch
):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros_domain))
    local = make_local_node()
    peer.subscribe("mask")
    camera = start_camera(tmp_path)
    try:
        peer.wait_until(lambda: len(peer.received["mask"]) > 3, "masks of the first camera")
    finally:
        camera.kill()
        assert camera.wait() == -signal.SIGKILL
    peer.wait_for_node()
    peer.publish(frame_message(random_pixels(), stamp_ns=77))
    peer.wait_until(lambda: any(m.header.stamp.nanosec == 77 for m in peer.received["mask"]), "its mask")
    peer.wait_until(lambda: local.counts().pending == 0, "the last frame")
    counts = local.counts()
    assert counts.received == counts.processed + counts.dropped
    assert counts.failed == 0


def test_a_node_that_is_killed_while_it_configures_leaves_nothing_in_the_way_of_the_next(start_node, peer):
    killed = start_node(load_s=3600.0)
    killed.wait_for_log("loading model")
    assert killed.stop(signal.SIGKILL) == -signal.SIGKILL
    start_node()
    peer.subscribe("mask")
    peer.wait_for_node()
    peer.publish(frame_message(random_pixels(), stamp_ns=2))
    peer.wait_until(lambda: peer.received["mask"], "the mask")
    assert peer.state() == "active"
