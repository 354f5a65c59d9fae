"""ROS messages to arrays and numbers, and back.

Large ones go past rclpy's own conversion, which copies their data three times into fresh memory: 28 ms for 1080×1920
in colour against 0.2 ms through rosbags, whose arrays are views.
"""

from functools import cache
from typing import Any, TypeVar

import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32, Header

from camseg_core.errors import FrameError
from camseg_core.frames import DriftResult, Frame
from camseg_core.labels import LabelSet
from camseg_core.replay.drift_message import drift_fields
from camseg_core.replay.messages import MessageFactory
from camseg_core.runtime.compressed_images import compressed_to_rgb
from camseg_ros.borrowed_messages import LabelInfo, VisionClass
from camseg_ros.image_bridge import rgb_of
from camseg_ros.msg import EmbeddingDrift

NS_PER_S = 1_000_000_000

Message = TypeVar("Message")

_CHANNELS = {"mono8": 1, "rgb8": 3}


IMAGE_TYPES: dict[str, type] = {"raw": Image, "compressed": CompressedImage}
"""The message type of each image_transport that the node reads."""

_MESSAGES = cache(MessageFactory)
"""The types of messages do not change; reading their definitions takes a moment."""


def deserialize(serialized: bytes, kind: type[Message]) -> Message:
    """A message from its serialised form, or its header alone where ``kind`` is that; raises FrameError."""
    try:
        return deserialize_message(serialized, kind)
    except Exception as error:  # rclpy's C++ part raises its own type for this, which it does not export
        raise FrameError(
            f"{kind.__name__} message of {len(serialized)} bytes cannot be deserialised: {error}"
        ) from error


def deserialize_image(serialized: bytes, transport: str) -> Any:
    """An image message whose ``data`` is a view of ``serialized``; raises FrameError.

    Args:
        serialized: what the middleware delivered.
        transport: of ``IMAGE_TYPES``.

    Returns:
        An object with the fields of ``sensor_msgs/Image`` or ``CompressedImage``, of rosbags' type.
    """
    kind = IMAGE_TYPES[transport].__name__
    try:
        return _MESSAGES().types.deserialize_cdr(memoryview(serialized), f"sensor_msgs/msg/{kind}")
    except Exception as error:  # whatever the bytes make of the decoder
        raise FrameError(f"{kind} message of {len(serialized)} bytes cannot be deserialised: {error}") from error


def frame_from_message(message: Any, camera: str) -> Frame:
    """The pixels and stamp of a camera image; raises FrameError where its fields contradict each other.

    Args:
        message: ``sensor_msgs/Image`` or ``CompressedImage``, rclpy's or rosbags'.
        camera: whose.
    """
    is_compressed = hasattr(message, "format")
    image = compressed_to_rgb(message.format, message.data) if is_compressed else rgb_of(message)
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


def serialized_image(pixels: np.ndarray, encoding: str, header: Header) -> bytes:
    """As ``image_message``, serialised for the publisher."""
    return _MESSAGES().image(pixels, encoding, header)


def drift_message(drift: DriftResult, camera: str, header: Header, latency_s: float) -> EmbeddingDrift:
    """A drift judgement as a message.

    Args:
        drift: the judgement.
        camera: which camera was judged.
        header: the camera's.
        latency_s: seconds from the camera's stamp to now.
    """
    since = time_message(drift.state_since_ns)
    return EmbeddingDrift(header=header, state_since=since, **drift_fields(drift, camera, latency_s))


def score_message(drift: DriftResult) -> Float32:
    """The bare score, for plotting tools that take one number."""
    return Float32(data=float(drift.score))


def label_info_message(label_set: LabelSet, stamp: Time) -> LabelInfo:
    """The classes of a label set as a message."""
    classes = [VisionClass(class_id=index, class_name=name) for index, name in enumerate(label_set.names)]
    return LabelInfo(header=Header(stamp=stamp), class_map=classes, threshold=0.0)


def stamp_ns(stamp: Time) -> int:
    """A stamp in nanoseconds since the epoch of its clock."""
    return stamp.sec * NS_PER_S + stamp.nanosec


def time_message(nanoseconds: int) -> Time:
    """The stamp of ``nanoseconds`` since the epoch of its clock."""
    sec, nanosec = divmod(nanoseconds, NS_PER_S)
    return Time(sec=sec, nanosec=nanosec)
