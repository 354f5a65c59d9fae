"""Frames in over DDS; masks, overlay, drift and diagnostics out. One node process serves most of these tests."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from fake_engine import UNREADABLE_RED, expected_labels
from ros_harness import BEST_EFFORT, OUTPUTS, RELIABLE, NodeProcess, Peer, frame_message, random_pixels
from sensor_msgs.msg import Image

from camseg_core.drawing import colorize
from camseg_core.labels import CAMVID
from camseg_core.replay.topics import camera_of_topic

pytestmark = pytest.mark.ros

STAMPED = ("mask", "mask_color", "overlay", "confidence", "drift", "drift/heatmap")


@pytest.fixture
def node(shared_node) -> NodeProcess:
    return shared_node


@pytest.fixture
def peer(shared_peer) -> Peer:
    return shared_peer


def pixels_of(message: Image) -> np.ndarray:
    """The array in an image message without row padding."""
    shape = (message.height, message.width) if message.encoding == "mono8" else (message.height, message.width, 3)
    assert message.step == np.prod(shape[1:])
    return np.frombuffer(message.data, np.uint8).reshape(shape)


@pytest.mark.parametrize("reliability", [BEST_EFFORT, RELIABLE], ids=["best_effort", "reliable"])
def test_every_output_carries_the_stamp_and_frame_id_of_its_frame(node, peer, reliability):
    peer.subscribe(*OUTPUTS, qos=reliability)
    peer.wait_for_node()
    pixels, stamp_ns = random_pixels(seed=3), 1_700_000_000_123_456_789
    peer.publish(frame_message(pixels, stamp_ns, frame_id="left_optical"))
    peer.wait_until(lambda: all(peer.received[output] for output in OUTPUTS), "all outputs")

    for output in STAMPED:
        header = peer.received[output][0].header
        assert (header.stamp.sec, header.stamp.nanosec) == (1_700_000_000, 123_456_789), output
        assert header.frame_id == "left_optical", output
    mask, mask_color, overlay, confidence, heatmap = (
        peer.received[output][0] for output in ("mask", "mask_color", "overlay", "confidence", "drift/heatmap")
    )
    assert (mask.encoding, mask_color.encoding, overlay.encoding) == ("mono8", "rgb8", "rgb8")
    np.testing.assert_array_equal(pixels_of(mask), expected_labels(pixels))
    np.testing.assert_array_equal(pixels_of(mask_color), colorize(expected_labels(pixels), CAMVID))
    assert pixels_of(overlay).shape == pixels_of(heatmap).shape == pixels.shape
    np.testing.assert_array_equal(pixels_of(confidence), pixels[:, :, 2])  # 1.0 is 255
    np.testing.assert_array_equal(pixels_of(heatmap)[:24, :21], pixels[:24, :21])  # the first region has not drifted
    assert (pixels_of(heatmap)[24:, 43:] != pixels[24:, 43:]).mean() > 0.9
    drift = peer.received["drift"][0]
    assert (drift.score, drift.camera_id, drift.model_id) == (7.0, "camera", "fake-model")
    assert peer.received["drift/score"][0].data == 7.0


def test_bad_frame_gives_one_error_and_the_next_frame_is_served(node, peer):
    peer.subscribe("mask")
    peer.wait_for_node()
    before = peer.diagnostic_values()
    bad = frame_message(random_pixels(), stamp_ns=5)
    bad.encoding = "yuv9000"
    peer.publish(bad)
    node.wait_for_log("'yuv9000'")
    peer.wait_until(lambda: peer.status().level == DiagnosticStatus.ERROR, "status ERROR")
    assert "yuv9000" in peer.status().message

    peer.publish(frame_message(random_pixels(), stamp_ns=6))
    peer.wait_until(lambda: peer.received["mask"], "the mask of the good frame")
    assert [mask.header.stamp.nanosec for mask in peer.received["mask"]] == [6]
    after = peer.wait_until_counted(lambda values: values["pending"] == "0")
    assert int(after["failed"]) - int(before["failed"]) == 1
    assert peer.status().level == DiagnosticStatus.OK
    assert node.log().count("yuv9000") == 1


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"step": 100}, "step is 100"),
        ({"height": 47}, "9216 bytes; expected 9024"),
        ({"width": 0}, "48x0"),
        ({"height": 0}, "0x64"),
    ],
)
def test_contradictory_sizes_are_named_in_diagnostics(peer, fields, named):
    peer.subscribe("mask")
    peer.wait_for_node()
    bad = frame_message(random_pixels(), stamp_ns=5)
    for field, value in fields.items():
        setattr(bad, field, value)
    peer.publish(bad)
    peer.wait_until(lambda: named in peer.diagnostic_values()["last_failure"], named)
    peer.publish(frame_message(random_pixels(), stamp_ns=6))
    peer.wait_until(lambda: peer.received["mask"], "the mask of the good frame")


def test_failing_engine_does_not_end_the_node(node, peer):
    peer.subscribe("mask")
    peer.wait_for_node()
    pixels = random_pixels()
    pixels[0, 0, 0] = UNREADABLE_RED
    peer.publish(frame_message(pixels, stamp_ns=5))
    node.wait_for_log("RuntimeError: out of memory")
    peer.publish(frame_message(random_pixels(), stamp_ns=6))
    peer.wait_until(lambda: peer.received["mask"], "the mask of the good frame")


def test_size_may_change_mid_stream(node, peer):
    peer.subscribe("mask", "overlay")
    peer.wait_for_node()
    for stamp_ns, (height, width) in enumerate([(48, 64), (30, 100), (30, 100)], start=2):
        peer.publish(frame_message(random_pixels(height, width), stamp_ns))
        peer.wait_until(
            lambda n=stamp_ns: len(peer.received["mask"]) == len(peer.received["overlay"]) == n - 1, "the outputs"
        )
    for output in ("mask", "overlay"):
        sizes = [(message.height, message.width) for message in peer.received[output]]
        assert sizes == [(48, 64), (30, 100), (30, 100)]
    assert node.log().count("changed from 48x64 rgb8 to 30x100 rgb8") == 1


def test_overlay_alpha_changes_at_run_time_and_a_bad_value_is_refused_with_the_reason(node, peer):
    peer.subscribe("overlay", "mask_color")
    peer.wait_for_node()
    assert peer.set_parameter("overlay_alpha", 1.0).successful
    peer.publish(frame_message(random_pixels(200, 300), stamp_ns=5))
    peer.wait_until(lambda: peer.received["overlay"] and peer.received["mask_color"], "overlay and mask")
    between_gauge_and_legend = slice(100, 140)
    np.testing.assert_array_equal(
        pixels_of(peer.received["overlay"][0])[between_gauge_and_legend],
        pixels_of(peer.received["mask_color"][0])[between_gauge_and_legend],
    )
    assert "overlay_alpha" in peer.set_parameter("overlay_alpha", 1.5).reason
    assert "overlay_alpha" in peer.set_parameter("overlay_alpha", float("nan")).reason
    assert "DOUBLE" in peer.set_parameter("overlay_alpha", "half").reason
    assert "fixed while the node is configured" in peer.set_parameter("model", "other").reason
    assert "read-only" in peer.set_parameter("autostart", False).reason
    assert peer.set_parameter("overlay_alpha", 0.5).successful


def test_colors_are_not_computed_for_a_consumer_of_masks(make_local_node, ros_domain, monkeypatch):
    colored: list[np.ndarray] = []
    monkeypatch.setattr(
        "camseg_ros.publication.colorize", lambda labels, _: colored.append(labels) or colorize(labels, CAMVID)
    )
    local = make_local_node()
    with Peer(ros_domain) as peer:
        peer.subscribe("mask")
        peer.wait_for_node()
        assert local.counts().processed == local.engines[0].frames > 0
        assert colored == []
        peer.subscribe("mask_color")
        peer.wait_until(lambda: local.node.count_subscribers("/camseg/mask_color") == 1, "the subscription")
        peer.publish(frame_message(random_pixels(), 9))
        peer.wait_until(lambda: len(colored) == 1, "the colour mask")


@pytest.mark.parametrize(
    ("topic", "camera"),
    [
        ("/camera/image_raw", "camera"),
        ("/front/image_raw", "front"),
        ("/sensing/camera/left/image_raw", "sensing/camera/left"),
        ("/image_raw", "camera"),
    ],
)
def test_camera_is_named_by_the_namespace_of_its_topic(topic, camera):
    assert camera_of_topic(topic) == camera
