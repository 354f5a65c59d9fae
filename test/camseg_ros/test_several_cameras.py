"""Several cameras in one process: topics in the camera's name, one engine, counters and fairness for each camera."""

from collections import Counter

import numpy as np
import pytest
from fake_engine import expected_labels
from ros_harness import OUTPUTS, frame_message, random_pixels

pytestmark = pytest.mark.ros

CAMERAS = ("front", "left", "sensing/rear")


def topic(camera: str) -> str:
    return f"/{camera}/image_raw"


def test_each_camera_has_its_topics_its_results_and_its_counters(make_local_node, peer):
    local = make_local_node(cameras=list(CAMERAS))
    sizes = {"front": (48, 64), "left": (30, 50), "sensing/rear": (20, 20)}
    pixels = {camera: random_pixels(*sizes[camera], seed=seed) for seed, camera in enumerate(CAMERAS)}
    for camera in CAMERAS:
        peer.subscribe("mask", "drift", camera=camera)
        peer.wait_until(lambda c=camera: peer.camera(topic(c)).get_subscription_count() > 0, f"{camera}'s subscription")
        peer.wait_until(lambda c=camera: local.node.count_subscribers(f"/camseg/{c}/drift") == 1, f"{camera}'s outputs")
    for stamp_ns, camera in enumerate(CAMERAS, start=7):
        peer.publish(frame_message(pixels[camera], stamp_ns, frame_id=camera), topic(camera))
    for stamp_ns, camera in enumerate(CAMERAS, start=7):
        peer.wait_until(lambda c=camera: peer.received[f"{c}/mask"] and peer.received[f"{c}/drift"], f"{camera}'s mask")
        mask, drift = peer.received[f"{camera}/mask"][0], peer.received[f"{camera}/drift"][0]
        assert (mask.header.frame_id, mask.header.stamp.nanosec) == (camera, stamp_ns)
        assert drift.camera_id == camera
        labels = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.width)
        np.testing.assert_array_equal(labels, expected_labels(pixels[camera]))
    assert len(local.engines) == 1
    assert local.node.count_publishers("/camseg/mask") == 0

    peer.wait_until_counted(lambda values: values["processed"] == "1")
    names = [status.name for status in peer.received["diagnostics"][-1].status]
    assert names == [
        *(f"camseg: {camera}" for camera in CAMERAS),
        *(f"camseg: {topic(camera)} topic status" for camera in CAMERAS),
        "camseg: lifecycle",
    ]
    topics = dict(local.node.get_topic_names_and_types())
    assert {f"/camseg/{camera}/{output}" for camera in CAMERAS for output in OUTPUTS} <= topics.keys()


def test_under_overload_every_camera_gets_its_share_and_every_frame_is_counted(make_local_node, peer):
    local = make_local_node(inference_s=0.02, cameras=["fast", "slow"])
    for camera in ("fast", "slow"):
        peer.subscribe("mask", camera=camera)
        peer.wait_until(lambda c=camera: peer.camera(topic(c)).get_subscription_count() > 0, "the subscription")
        peer.wait_until(lambda c=camera: local.node.count_subscribers(f"/camseg/{c}/mask") == 1, "the outputs")
    sent: Counter[str] = Counter()

    def send(camera: str) -> None:
        sent[camera] += 1
        peer.publish(frame_message(random_pixels(), sent[camera]), topic(camera))

    def both_are_served() -> bool:
        # The fast camera sends as fast as this loop turns, the slow one only when it was answered.
        send("fast")
        if local.counts("slow").pending == 0 and local.counts("slow").received == sent["slow"]:
            send("slow")
        return local.counts("slow").processed >= 15 and local.counts("fast").processed >= 15

    peer.wait_until(both_are_served, "15 masks of each camera")
    peer.wait_until(lambda: local.counts("fast").pending == local.counts("slow").pending == 0, "the last frames")
    fast, slow = local.counts("fast"), local.counts("slow")
    assert slow.dropped == 0  # its one frame at a time is never made to wait for another of the fast camera
    assert abs(fast.processed - slow.processed) <= 2 + slow.processed
    for counts in (fast, slow):
        assert counts.received == counts.processed + counts.dropped + counts.failed
