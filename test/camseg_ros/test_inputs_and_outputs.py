"""Compressed images, quality of service, calibration, classes and times; what parameters change from frame to frame."""

import math
import time

import cv2
import numpy as np
import pytest
from fake_engine import MODEL_SIZE, expected_labels
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_harness import BEST_EFFORT, LocalNode, Peer, frame_message, random_pixels
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from camseg_core.drawing import colorize
from camseg_core.labels import CAMVID
from camseg_ros.borrowed_messages import LabelInfo
from camseg_ros.parameters import OUTPUTS
from camseg_ros.timing import TIMES

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def local(shared_domain):
    with LocalNode(shared_domain) as node:
        yield node


@pytest.fixture
def listener(local, shared_domain):
    with Peer(shared_domain) as peer:
        yield peer


def pixels_of(message: Image) -> np.ndarray:
    shape = (message.height, message.width) if message.encoding == "mono8" else (message.height, message.width, 3)
    return np.frombuffer(message.data, np.uint8).reshape(shape)


def answer(peer: Peer, message, *outputs: str, topic: str | None = None):
    """What the node makes of one message."""
    for output in outputs:
        peer.received[output].clear()
    peer.publish(message, topic)
    peer.wait_until(lambda: all(peer.received[output] for output in outputs), f"{outputs}")
    return [peer.received[output][0] for output in outputs]


def test_compressed_images_are_read_from_their_transports_topic(make_local_node, peer):
    local = make_local_node(image_transport="compressed")
    peer.subscribe("mask")
    topic = "/camera/image_raw/compressed"
    camera = peer.camera(topic, CompressedImage)
    peer.wait_until(lambda: camera.get_subscription_count() > 0, "the subscription")
    peer.wait_until(lambda: local.node.count_subscribers("/camseg/mask") == 1, "the output's subscription")
    assert local.node.count_subscribers("/camera/image_raw") == 0
    assert local.node.count_subscribers("/camera/camera_info") == 1
    pixels = random_pixels(40, 56)
    header = frame_message(pixels, 5, frame_id="front").header
    png = CompressedImage(header=header, format="png", data=cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes())
    (mask,) = answer(peer, png, "mask", topic=topic)
    np.testing.assert_array_equal(pixels_of(mask), expected_labels(pixels))
    assert (mask.header.frame_id, mask.header.stamp.nanosec) == ("front", 5)
    jpeg = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    jpeg.data = cv2.imencode(".jpg", np.full((40, 56, 3), 100, np.uint8))[1].tobytes()
    (mask,) = answer(peer, jpeg, "mask", topic=topic)
    np.testing.assert_array_equal(pixels_of(mask), np.full((40, 56), 100 % len(CAMVID)))
    before = local.counts().failed
    peer.publish(CompressedImage(header=header, format="jpeg", data=b"\xff\xd8\xff nothing"), topic)
    peer.wait_until(lambda: local.counts().failed == before + 1, "the failure")


@pytest.mark.parametrize(
    ("reliability", "durability"),
    [("best_effort", "volatile"), ("reliable", "volatile"), ("reliable", "transient_local")],
)
def test_subscription_has_the_quality_of_service_of_the_parameters(make_local_node, peer, reliability, durability):
    local = make_local_node(image_reliability=reliability, image_durability=durability, image_depth=3)
    (endpoint,) = local.node.get_subscriptions_info_by_topic("/camera/image_raw")
    assert endpoint.qos_profile.reliability == ReliabilityPolicy[reliability.upper()]
    assert endpoint.qos_profile.durability == DurabilityPolicy[durability.upper()]
    # A camera that offers as much is heard.
    offered = QoSProfile(
        depth=3, reliability=endpoint.qos_profile.reliability, durability=endpoint.qos_profile.durability
    )
    camera = peer.node.create_publisher(Image, "/camera/image_raw", offered)
    peer.wait_until(lambda: camera.get_subscription_count() == 1, "the subscription")

    def a_frame_came() -> bool:  # the first ones may be sent before the node knows the camera
        camera.publish(frame_message(random_pixels(), 3))
        peer.spin_for(0.1)
        return local.counts().received > 0

    peer.wait_until(a_frame_came, "a frame")


def test_calibration_is_that_of_the_mask(local, listener):
    listener.subscribe("mask")
    listener.wait_for_node()
    listener.subscribe("camera_info")
    info_topic = listener.node.create_publisher(CameraInfo, "/camera/camera_info", BEST_EFFORT)
    info = CameraInfo(height=48, width=64, k=[100.0, 0, 31.5, 0, 110.0, 23.5, 0, 0, 1])
    listener.wait_until(lambda: info_topic.get_subscription_count() > 0, "the subscription of camera_info")
    listener.wait_until(lambda: local.node.count_subscribers("/camseg/camera_info") == 1, "the output's subscription")
    info_topic.publish(info)
    listener.spin_for(0.2)
    message = frame_message(random_pixels(), 77, frame_id="left_optical")
    mask, scaled = answer(listener, message, "mask", "camera_info")
    assert scaled.header == mask.header == message.header
    assert list(scaled.k) == list(info.k)

    assert listener.set_parameter("output_size", "model").successful
    mask, scaled = answer(listener, message, "mask", "camera_info")
    assert (mask.height, mask.width) == (scaled.height, scaled.width) == MODEL_SIZE
    assert list(scaled.k[:3]) == [50.0, 0.0, 15.5]  # the centre of the picture stays its centre
    assert listener.set_parameter("output_size", "camera").successful

    info_topic.publish(CameraInfo(height=10, width=10))
    listener.spin_for(0.2)
    answer(listener, message, "mask")  # of another size: no calibration, but the mask all the same
    listener.spin_for(0.3)
    assert len(listener.received["camera_info"]) == 1


def test_pictures_have_the_size_and_the_classes_that_the_parameters_say(local, listener):
    outputs = ("mask", "mask_color", "overlay", "confidence", "drift/heatmap")
    listener.subscribe(*outputs)
    listener.wait_for_node()
    pixels = random_pixels(96, 64)
    assert listener.set_parameter("output_size", "model").successful
    for message in answer(listener, frame_message(pixels, 5), *outputs):
        assert (message.height, message.width) == MODEL_SIZE
    assert listener.set_parameter("output_size", "camera").successful

    assert listener.set_parameter("classes", ["road", "car"]).successful
    mask, mask_color = answer(listener, frame_message(pixels, 6), "mask", "mask_color")
    labels = expected_labels(pixels)
    kept = np.isin(labels, [CAMVID.names.index("road"), CAMVID.names.index("car")])
    np.testing.assert_array_equal(pixels_of(mask), np.where(kept, labels, 255))
    np.testing.assert_array_equal(pixels_of(mask_color), np.where(kept[:, :, None], colorize(labels, CAMVID), 0))
    assert "expected some of sky, building" in listener.set_parameter("classes", ["dog"]).reason
    assert listener.set_parameter("classes", [""]).reason  # an empty name is no class
    local.node.set_parameters([Parameter("classes", Parameter.Type.STRING_ARRAY, [])])

    assert listener.set_parameter("outputs", ["mask"]).successful
    answer(listener, frame_message(pixels, 7), "mask")
    listener.received["overlay"].clear()
    answer(listener, frame_message(pixels, 8), "mask")
    assert listener.received["overlay"] == []
    assert "each one of mask" in listener.set_parameter("outputs", ["masks"]).reason
    assert listener.set_parameter("outputs", list(OUTPUTS)).successful


def test_sampling_changes_with_the_next_frame(local, listener):
    listener.subscribe("mask")
    listener.wait_for_node()
    for name, value in (("steps", 7), ("seed", 3), ("sampler", "unipc"), ("num_samples", 2)):
        assert listener.set_parameter(name, value).successful
        answer(listener, frame_message(random_pixels(), 5), "mask")
        assert getattr(local.engines[0].samplings[-1], name) == value
    for name, value in (("drift_run_length_s", 600.0), ("drift_threshold_scale", 2.0)):
        assert listener.set_parameter(name, value).successful
        answer(listener, frame_message(random_pixels(), 5), "mask")
    assert local.engines[0].drift_thresholds == [(600.0, 1.0), (600.0, 2.0)]
    assert "Min: 1, Max: 1000, value: 0" in listener.set_parameter("steps", 0).reason
    answer(listener, frame_message(random_pixels(), 5), "mask")
    assert local.engines[0].samplings[-1].steps == 7


def test_classes_are_known_to_whoever_subscribes_later(local, listener):
    latched = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    received: list[LabelInfo] = []
    listener.node.create_subscription(LabelInfo, "/camseg/label_info", received.append, latched)
    listener.wait_until(lambda: received, "the classes")
    assert {entry.class_id: entry.class_name for entry in received[0].class_map} == dict(enumerate(CAMVID.names))


def test_times_of_a_frame_add_up_and_carry_its_stamp(local, listener):
    names = [f"debug/{name}" for name in TIMES]
    listener.subscribe("mask", *names)
    listener.wait_for_node()
    message = frame_message(random_pixels(), time.time_ns())
    times = dict(zip(TIMES, answer(listener, message, *names), strict=True))
    assert all(value.stamp == message.header.stamp for value in times.values())
    ms = {name: value.data for name, value in times.items()}
    assert all(math.isfinite(value) and value >= 0.0 for value in ms.values())
    work = ms["reading_time_ms"] + ms["inference_time_ms"] + ms["publishing_time_ms"]
    assert work <= ms["processing_time_ms"] <= ms["pipeline_latency_ms"]
    parts = ms["transport_latency_ms"] + ms["waiting_time_ms"] + ms["processing_time_ms"]
    assert ms["pipeline_latency_ms"] == pytest.approx(parts, abs=5.0)


def test_frames_that_wait_together_are_inferred_together(make_local_node, peer):
    local = make_local_node(inference_s=0.1, cameras=["front", "left"], max_batch=2)
    for camera in ("front", "left"):
        peer.subscribe("mask", camera=camera)
        topic = f"/{camera}/image_raw"
        peer.wait_until(lambda t=topic: peer.camera(t).get_subscription_count() > 0, "the subscription")
        peer.wait_until(lambda c=camera: local.node.count_subscribers(f"/camseg/{c}/mask") == 1, "the outputs")

    def both_came_at_once() -> bool:
        for camera in ("front", "left"):
            peer.publish(frame_message(random_pixels(), 5), f"/{camera}/image_raw")
        return sorted(local.engines[0].batches[-1] if local.engines[0].batches else []) == ["front", "left"]

    peer.wait_until(both_came_at_once, "a batch of both cameras")
    peer.wait_until(lambda: peer.received["front/mask"] and peer.received["left/mask"], "a mask of each")
