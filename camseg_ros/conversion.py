"""ROS messages to arrays and numbers, and back."""

from typing import TypeVar

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header

from camseg_core.errors import FrameError
from camseg_core.frames import DriftResult, Frame
from camseg_core.runtime.pixel_formats import to_rgb
from camseg_ros.msg import EmbeddingDrift

NS_PER_S = 1_000_000_000

Message = TypeVar("Message")

_CHANNELS = {"mono8": 1, "rgb8": 3}


def deserialize_image(serialized: bytes) -> Image:
    """An image message from its serialised form; raises FrameError where the bytes are not one."""
    return _deserialize(serialized, Image)


def deserialize_header(serialized: bytes) -> Header:
    """The header of a serialised message that begins with one, without reading the rest; raises FrameError."""
    return _deserialize(serialized, Header)


def _deserialize(serialized: bytes, kind: type[Message]) -> Message:
    try:
        return deserialize_message(serialized, kind)
    except Exception as error:  # rclpy's C++ part raises its own type for this, which it does not export
        raise FrameError(f"image message of {len(serialized)} bytes cannot be deserialised: {error}") from error


def frame_from_message(message: Image, camera: str) -> Frame:
    """The pixels and stamp of a camera image; raises FrameError where its fields contradict each other."""
    image = to_rgb(
        message.encoding,
        message.height,
        message.width,
        message.step,
        message.data,
        is_bigendian=bool(message.is_bigendian),
    )
    return Frame(image=image, stamp_ns=stamp_ns(message.header.stamp), camera=camera)


def image_message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """An image message without row padding.

    Args:
        pixels: uint8; (height, width) for ``mono8``, (height, width, 3) for ``rgb8``.
        encoding: ``mono8`` or ``rgb8``.
        header: published as it is.
    """
    height, width = pixels.shape[:2]
    message = Image(header=header, height=height, width=width, encoding=encoding, step=width * _CHANNELS[encoding])
    # Filling the message's own array: its setter would check an ndarray element by element, 0.5 s for 2 MP in colour.
    message.data.frombytes(np.ascontiguousarray(pixels).data)
    return message


def drift_message(drift: DriftResult, camera: str, header: Header, latency_s: float) -> EmbeddingDrift:
    """A drift judgement as a message.

    Args:
        drift: the judgement.
        camera: which camera was judged.
        header: the camera's.
        latency_s: seconds from the camera's stamp to now.
    """
    message = EmbeddingDrift(
        header=header,
        camera_id=camera,
        model_id=drift.model_id,
        reference_id=drift.reference_id,
        score=float(drift.score),
        method=drift.method,
        p_value=float(drift.p_value),
        warn_threshold=float(drift.warn_threshold),
        error_threshold=float(drift.error_threshold),
        sequential_statistic=float(drift.sequential_statistic),
        sequential_threshold=float(drift.sequential_threshold),
        expected_run_length_s=float(drift.expected_run_length_s),
        state=int(drift.state),
        state_since=time_message(drift.state_since_ns),
        region_rows=drift.region_rows,
        region_columns=drift.region_columns,
        region_scores=list(drift.region_scores),
        cause_labels=list(drift.causes),
        cause_probabilities=list(drift.causes.values()),
        visibility_m=float(drift.visibility_m),
        visibility_std_m=float(drift.visibility_std_m),
        latency_s=float(latency_s),
    )
    if np.isfinite(drift.visibility_m):
        message.visibility_definition = "meteorological optical range, 5 % contrast"
    return message


def score_message(drift: DriftResult) -> Float32:
    """The bare score, for plotting tools that take one number."""
    return Float32(data=float(drift.score))


def stamp_ns(stamp: Time) -> int:
    """A stamp in nanoseconds since the epoch of its clock."""
    return stamp.sec * NS_PER_S + stamp.nanosec


def time_message(nanoseconds: int) -> Time:
    """The stamp of ``nanoseconds`` since the epoch of its clock."""
    sec, nanosec = divmod(nanoseconds, NS_PER_S)
    return Time(sec=sec, nanosec=nanosec)
