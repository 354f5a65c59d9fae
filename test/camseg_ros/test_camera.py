"""Where a camera's images and calibration come from, by what is remapped; and that the node says so."""

from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.node import Node
from ros_harness import BEST_EFFORT, Peer, frame_message, random_pixels
from sensor_msgs.msg import CameraInfo

from camseg_ros.camera import find_cameras

pytestmark = pytest.mark.ros

SWAPPED = ("front/image_raw:=left/image_raw", "left/image_raw:=front/image_raw")
SWAPPED_COMPRESSED = tuple(rule.replace("image_raw", "image_raw/compressed") for rule in SWAPPED)


def remapping(*rules: str) -> list[str]:
    return [argument for rule in rules for argument in ("-r", rule)]


@pytest.fixture
def make_node(ros_domain) -> Iterator[Callable[..., Node]]:
    context = rclpy.Context()

    def make(*rules: str) -> Node:
        rclpy.init(args=["--ros-args", *remapping(*rules)], context=context, domain_id=ros_domain)
        return Node("camseg", context=context)

    yield make
    rclpy.shutdown(context=context)


def listened_to(node: Node, names: tuple[str, ...] = (), transport: str = "raw") -> dict[str, tuple[str, str]]:
    """By camera, the topics that subscriptions to its images and its calibration are of."""
    topics = {}
    for camera in find_cameras(node, names, transport):
        images, info = (
            node.create_subscription(CameraInfo, name, lambda _: None, BEST_EFFORT).topic_name
            for name in (camera.image_name, camera.info_name)
        )
        assert camera.image_topic == images  # which is what diagnostics say
        topics[camera.name] = (images, info)
    return topics


@pytest.mark.parametrize(
    ("rules", "transport", "camera", "images", "info"),
    [
        ((), "raw", "camera", "/camera/image_raw", "/camera/camera_info"),
        (("camera/image_raw:=/rear/image",), "raw", "rear", "/rear/image", "/rear/camera_info"),
        (("camera/image_raw:=/image",), "raw", "camera", "/image", "/camera_info"),
        (("camera/camera_info:=/rear/info",), "raw", "camera", "/camera/image_raw", "/rear/info"),
        (
            ("camera/image_raw:=/rear/image", "camera/camera_info:=/calibration"),
            "raw",
            "rear",
            "/rear/image",
            "/calibration",
        ),
        (("__ns:=/ego",), "raw", "ego/camera", "/ego/camera/image_raw", "/ego/camera/camera_info"),
        ((), "compressed", "camera", "/camera/image_raw/compressed", "/camera/camera_info"),
        (
            ("camera/image_raw:=/rear/image",),
            "compressed",
            "rear",
            "/rear/image/compressed",
            "/rear/camera_info",
        ),
        (
            ("camera/image_raw/compressed:=/rear/image/compressed",),
            "compressed",
            "rear",
            "/rear/image/compressed",
            "/rear/camera_info",
        ),
        (
            ("camera/image_raw/compressed:=/rear/jpeg", "camera/camera_info:=/calibration"),
            "compressed",
            "rear",
            "/rear/jpeg",
            "/calibration",
        ),
    ],
)
def test_remappings_of_images_take_the_calibration_along_unless_it_is_remapped_itself(
    make_node, rules, transport, camera, images, info
):
    assert listened_to(make_node(*rules), transport=transport) == {camera: (images, info)}


@pytest.mark.parametrize(
    ("rules", "transport", "ending"),
    [
        (SWAPPED, "raw", ""),
        (SWAPPED, "compressed", "/compressed"),
        (SWAPPED_COMPRESSED, "compressed", "/compressed"),
    ],
)
def test_two_cameras_may_be_swapped(make_node, rules, transport, ending):
    assert listened_to(make_node(*rules), ("front", "left"), transport) == {
        "front": (f"/left/image_raw{ending}", "/left/camera_info"),
        "left": (f"/front/image_raw{ending}", "/front/camera_info"),
    }


def test_two_calibrations_may_be_swapped(make_node):
    rules = ("front/camera_info:=left/camera_info", "left/camera_info:=front/camera_info")
    assert listened_to(make_node(*rules), ("front", "left")) == {
        "front": ("/front/image_raw", "/left/camera_info"),
        "left": ("/left/image_raw", "/front/camera_info"),
    }


def test_frames_of_swapped_cameras_arrive_where_diagnostics_say(make_local_node, peer):
    local = make_local_node(cameras=["front", "left"], ros_arguments=remapping(*SWAPPED))
    camera = peer.camera("/left/image_raw")
    peer.wait_until(lambda: camera.get_subscription_count() > 0, "the subscription")

    def a_frame_came() -> bool:
        peer.publish(frame_message(random_pixels(), 5), "/left/image_raw")
        peer.spin_for(0.1)
        return local.counts("front").received > 0

    peer.wait_until(a_frame_came, "a frame of the camera called front")
    assert local.counts("left").received == 0
    peer.wait_until(lambda: peer.received["diagnostics"], "diagnostics")
    topics = {name: {v.key: v.value for v in peer.status(name).values}["topic"] for name in ("front", "left")}
    assert topics == {"front": "/left/image_raw", "left": "/front/image_raw"}


def test_a_remapped_calibration_is_that_of_the_mask(make_local_node, ros_domain):
    rules = ("camera/image_raw:=/rear/image_raw", "camera/camera_info:=/calibration")
    local = make_local_node(ros_arguments=remapping(*rules))
    with Peer(ros_domain, topic="/rear/image_raw") as peer:
        peer.subscribe("mask")
        peer.wait_for_node()
        peer.subscribe("camera_info")
        calibration = peer.camera("/calibration", CameraInfo, BEST_EFFORT)
        peer.wait_until(lambda: calibration.get_subscription_count() > 0, "the subscription of the calibration")
        peer.wait_until(lambda: local.node.count_subscribers("/camseg/camera_info") == 1, "the output's subscription")

        def a_calibration_came() -> bool:
            calibration.publish(CameraInfo(height=48, width=64, k=[100.0, 0, 31.5, 0, 110.0, 23.5, 0, 0, 1]))
            peer.publish(frame_message(random_pixels(), 5))
            peer.spin_for(0.2)
            return bool(peer.received["camera_info"])

        peer.wait_until(a_calibration_came, "the calibration")
        assert peer.received["camera_info"][0].k[0] == 100.0
