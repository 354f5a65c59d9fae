"""Whatever a camera sends, the node counts it and answers the next good frame."""

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from fake_engine import expected_labels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rclpy.serialization import serialize_message
from ros_harness import LocalNode, Peer, frame_message, random_pixels
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from camseg_core.runtime.pixel_formats import ENCODINGS

pytestmark = pytest.mark.ros

MESSAGES_AT_ONCE = 20
COMPRESSED_TOPIC = "/camera/image_raw/compressed"

stamps = st.builds(Time, sec=st.integers(-(2**31), 2**31 - 1), nanosec=st.integers(0, 2**32 - 1))
headers = st.builds(Header, stamp=stamps, frame_id=st.text(max_size=30).map(lambda text: text.replace("\0", "")))
sizes = st.integers(0, 2**32 - 1) | st.integers(0, 40)
images = st.builds(
    Image,
    header=headers,
    height=sizes,
    width=sizes,
    step=sizes,
    encoding=st.sampled_from(ENCODINGS) | st.text(max_size=12).map(lambda text: text.replace("\0", "")),
    is_bigendian=st.integers(0, 255),
    data=st.binary(max_size=3000),
)


def nearly_good_image(mutation: tuple[str, int]) -> Image:
    """A good image but for one number."""
    message = frame_message(random_pixels(), stamp_ns=3)
    setattr(message, *mutation)
    return message


nearly_good_images = st.tuples(st.sampled_from(["height", "width", "step"]), sizes).map(nearly_good_image)


def compressed(file_format: str, extension: str) -> CompressedImage:
    file = cv2.imencode(extension, random_pixels()[:, :, ::-1])[1].tobytes()
    return CompressedImage(header=Header(frame_id="front"), format=file_format, data=file)


compressed_images = st.builds(
    CompressedImage,
    header=headers,
    format=st.sampled_from(["jpeg", "png", "bgr8; jpeg compressed bgr8", "", "tiff", "16UC1; compressedDepth"]),
    data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"\xff\xd8\xff" + tail + b"\xff\xd9"),
)


def mutated_bytes(message: Image | CompressedImage) -> st.SearchStrategy[bytes]:
    """The serialised message cut short, or with some bytes changed."""
    whole = serialize_message(message)
    cuts = st.integers(0, len(whole)).map(lambda length: whole[:length])

    def change(changes: list[tuple[int, int]]) -> bytes:
        changed = bytearray(whole)
        for position, value in changes:
            changed[position] = value
        return bytes(changed)

    places = st.integers(0, 120) | st.integers(0, len(whole) - 1)  # mostly where the fields are
    flips = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8).map(change)
    return cuts | flips


@pytest.fixture(scope="module")
def raw(shared_domain):
    with LocalNode(shared_domain) as local, Peer(shared_domain) as peer:
        peer.subscribe("mask")
        peer.wait_for_node()
        yield local, peer, None, frame_message(random_pixels(), stamp_ns=8)


@pytest.fixture
def compressed_node(make_local_node, peer):
    local = make_local_node(image_transport="compressed")
    peer.subscribe("mask")
    camera = peer.camera(COMPRESSED_TOPIC, CompressedImage)
    peer.wait_until(lambda: camera.get_subscription_count() > 0, "the subscription")
    peer.wait_until(lambda: local.node.count_subscribers("/camseg/mask") == 1, "the output's subscription")
    return local, peer, COMPRESSED_TOPIC, compressed("png", ".png")


def send_and_expect_the_next_good_frame(stage, messages: list) -> None:
    local, peer, topic, good = stage
    for message in messages:
        peer.publish(message, topic)
        peer.spin_for(0.002)
    peer.received["mask"].clear()

    def good_frame_is_answered() -> bool:
        peer.publish(good, topic)
        peer.spin_for(0.05)
        good_stamp = good.header.stamp
        return any(mask.header.stamp == good_stamp and mask.height == 48 for mask in peer.received["mask"])

    peer.wait_until(good_frame_is_answered, "the answer to a good frame")
    mask = next(mask for mask in reversed(peer.received["mask"]) if mask.height == 48)
    labels = np.frombuffer(mask.data, np.uint8).reshape(48, 64)
    np.testing.assert_array_equal(labels, expected_labels(random_pixels()))
    peer.wait_until(lambda: local.counts().pending == 0, "the last frame")
    counts = local.counts()
    assert counts.received == counts.processed + counts.dropped + counts.failed


# 10 examples by default; the profile "long" (see conftest.py) makes it 10,200 messages in all.
hostile = settings(max_examples=settings().max_examples // 10, deadline=None, suppress_health_check=list(HealthCheck))


@hostile
@given(st.lists(images | nearly_good_images, min_size=MESSAGES_AT_ONCE, max_size=MESSAGES_AT_ONCE))
def test_images_whose_fields_are_anything(raw, messages):
    send_and_expect_the_next_good_frame(raw, messages)


@hostile
@given(
    st.lists(
        mutated_bytes(frame_message(random_pixels(), stamp_ns=4)), min_size=MESSAGES_AT_ONCE, max_size=MESSAGES_AT_ONCE
    )
)
def test_images_whose_bytes_are_damaged(raw, messages):
    send_and_expect_the_next_good_frame(raw, messages)


@hostile
@given(
    st.lists(
        compressed_images
        | mutated_bytes(compressed("jpeg", ".jpg"))
        | mutated_bytes(compressed("bgr8; png compressed bgr8", ".png")),
        min_size=MESSAGES_AT_ONCE,
        max_size=MESSAGES_AT_ONCE,
    )
)
def test_compressed_images_that_are_anything_or_damaged(compressed_node, messages):
    send_and_expect_the_next_good_frame(compressed_node, messages)


def test_a_camera_that_changes_size_encoding_and_time_is_followed(raw):
    local, peer, _, _ = raw
    frames = [
        (random_pixels(30, 40), "rgb8", 5_000_000_000),
        (random_pixels(20, 64), "bgr8", 1),  # back by five seconds
        (random_pixels(48, 64), "rgb8", 2**62),  # ahead by more than a century
        (random_pixels(30, 40), "rgb8", 6_000_000_000),
    ]
    for pixels, encoding, stamp_ns in frames:
        stored = pixels if encoding == "rgb8" else pixels[:, :, ::-1]
        message = frame_message(stored, stamp_ns % (2**31 * 10**9))
        message.encoding = encoding
        peer.received["mask"].clear()
        peer.publish(message)
        peer.wait_until(lambda: peer.received["mask"], "the mask")
        mask = peer.received["mask"][0]
        assert mask.header == message.header
        labels = np.frombuffer(mask.data, np.uint8).reshape(pixels.shape[:2])
        np.testing.assert_array_equal(labels, expected_labels(pixels))
    assert local.counts().pending in (0, 1)
