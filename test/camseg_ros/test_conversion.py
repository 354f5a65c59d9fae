"""Messages to frames and back: nothing is lost, swapped or slow by type checking."""

import math
from array import array

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from camseg_ros.msg import EmbeddingDrift
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from camseg_core.errors import FrameError
from camseg_core.frames import DriftResult, DriftState
from camseg_ros.conversion import (
    deserialize,
    deserialize_image,
    drift_message,
    frame_from_message,
    image_message,
    score_message,
    serialized_image,
    stamp_ns,
    time_message,
)

pytestmark = pytest.mark.ros

HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id="front_optical")


def through_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize(("encoding", "shape"), [("mono8", (5, 9)), ("rgb8", (5, 9, 3))])
def test_image_message_describes_its_pixels(encoding, shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    message = through_the_wire(image_message(pixels, encoding, HEADER))
    assert (message.height, message.width, message.encoding) == (5, 9, encoding)
    assert message.step == len(message.data) // 5
    assert message.header == HEADER
    np.testing.assert_array_equal(np.frombuffer(message.data, np.uint8).reshape(shape), pixels)


def test_image_that_is_not_contiguous_is_laid_out_row_by_row():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), dtype=np.uint8)[:, ::-1, ::-1]
    message = image_message(pixels, "rgb8", HEADER)
    np.testing.assert_array_equal(np.frombuffer(message.data, np.uint8).reshape(pixels.shape), pixels)


def test_frame_has_the_pixels_stamp_and_camera_of_its_message():
    rgb = np.random.default_rng(0).integers(0, 256, (5, 9, 3), dtype=np.uint8)
    rows = np.pad(rgb[:, :, ::-1].reshape(5, 27), ((0, 0), (0, 5)))
    message = Image(header=HEADER, height=5, width=9, encoding="bgr8", step=32, data=array("B", rows.tobytes()))
    frame = frame_from_message(message, "front")
    np.testing.assert_array_equal(frame.image, rgb)
    assert (frame.stamp_ns, frame.camera) == (12_000_000_034, "front")


def test_contradictory_message_is_refused():
    with pytest.raises(FrameError, match="0x0"):
        frame_from_message(Image(encoding="rgb8"), "front")


@pytest.mark.parametrize("keep", [0, 3, 20, 60])
def test_serialised_image_that_is_cut_short_is_refused(keep):
    serialized = serialize_message(image_message(np.zeros((5, 9), np.uint8), "mono8", HEADER))
    assert deserialize(serialized, Image).height == 5
    assert deserialize(serialized, Header) == HEADER  # without reading the pixels
    with pytest.raises(FrameError, match=f"Image message of {keep} bytes"):
        deserialize(serialized[:keep], Image)
    with pytest.raises(FrameError, match=f"Image message of {keep} bytes"):
        deserialize_image(serialized[:keep], "raw")


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ("raw", Image(header=HEADER, height=1, width=2, encoding="rgb8", step=6, data=[1, 2, 3, 4, 5, 6])),
        ("compressed", CompressedImage(header=HEADER, format="jpeg", data=[7, 8, 9])),
    ],
)
def test_serialised_image_is_read_without_copying_its_data(transport, message):
    serialized = serialize_message(message)
    read = deserialize_image(serialized, transport)
    for name in set(message.get_fields_and_field_types()) - {"header", "data"}:
        assert getattr(read, name) == getattr(message, name)
    assert (read.header.stamp.sec, read.header.stamp.nanosec, read.header.frame_id) == (12, 34, HEADER.frame_id)
    np.testing.assert_array_equal(read.data, message.data)
    assert np.shares_memory(read.data, np.frombuffer(serialized, np.uint8))


@pytest.mark.parametrize(("shape", "encoding"), [((5, 9), "mono8"), ((5, 9, 3), "rgb8")])
def test_serialised_picture_is_the_message_serialised(shape, encoding):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    message = deserialize_message(serialized_image(pixels, encoding, HEADER), Image)
    assert message == image_message(pixels, encoding, HEADER)


@pytest.mark.parametrize("nanoseconds", [0, 1, 999_999_999, 1_000_000_000, 1_700_000_000_123_456_789])
def test_stamps_survive_both_ways(nanoseconds):
    assert stamp_ns(time_message(nanoseconds)) == nanoseconds


def test_drift_message_carries_every_field_of_the_judgement():
    drift = DriftResult(
        score=5.5,
        method="mahalanobis",
        p_value=0.125,
        warn_threshold=4.0,
        error_threshold=6.0,
        state=DriftState.WARN,
        state_since_ns=7_000_000_008,
        reference_id="abc",
        model_id="camseg-small",
        sequential_statistic=1.5,
        sequential_threshold=9.0,
        expected_run_length_s=3600.0,
        region_rows=1,
        region_columns=2,
        region_scores=(0.5, 1.5),
        causes={"fog": 0.75, "rain": 0.25},
        visibility_m=150.0,
        visibility_std_m=20.0,
    )
    message = through_the_wire(drift_message(drift, "front", HEADER, latency_s=0.25))
    expected = {
        "header": HEADER,
        "camera_id": "front",
        "model_id": "camseg-small",
        "reference_id": "abc",
        "score": 5.5,
        "method": "mahalanobis",
        "p_value": 0.125,
        "warn_threshold": 4.0,
        "error_threshold": 6.0,
        "sequential_statistic": 1.5,
        "sequential_threshold": 9.0,
        "expected_run_length_s": 3600.0,
        "state": EmbeddingDrift.WARN,
        "state_since": Time(sec=7, nanosec=8),
        "region_rows": 1,
        "region_columns": 2,
        "region_scores": array("f", [0.5, 1.5]),
        "cause_labels": ["fog", "rain"],
        "cause_probabilities": array("f", [0.75, 0.25]),
        "visibility_m": 150.0,
        "visibility_std_m": 20.0,
        "visibility_definition": "meteorological optical range, 5 % contrast",
        "latency_s": 0.25,
    }
    assert {name: getattr(message, name) for name in EmbeddingDrift.get_fields_and_field_types()} == expected
    assert score_message(drift).data == 5.5


def test_what_is_not_estimated_is_nan_or_empty():
    drift = DriftResult(5.5, "mahalanobis", math.nan, 4.0, 6.0, DriftState.UNKNOWN, 0, "abc", "camseg-small")
    message = through_the_wire(drift_message(drift, "front", HEADER, latency_s=0.0))
    for name in ("p_value", "sequential_statistic", "expected_run_length_s", "visibility_m", "visibility_std_m"):
        assert math.isnan(getattr(message, name)), name
    assert (message.region_rows, len(message.region_scores), message.cause_labels) == (0, 0, [])
    assert message.visibility_definition == ""


@pytest.mark.parametrize("state", list(DriftState))
def test_states_have_the_numbers_of_the_message(state):
    assert getattr(EmbeddingDrift, state.name) == state
