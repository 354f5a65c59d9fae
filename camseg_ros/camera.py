"""One camera as the node sees it: its topics, and the subscription that hands over its frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.time import Time
from sensor_msgs.msg import Image

from camseg_ros import qos

DEFAULT_IMAGE_TOPIC = "camera/image_raw"


@dataclass(frozen=True)
class Camera:
    """Where one camera's images come from and its results go to.

    Attributes:
        name: what diagnostics, drift and logs call it.
        image_topic: resolved.
        output_prefix: what its output topics begin with: ``~`` or ``~/NAME``.
    """

    name: str
    image_topic: str
    output_prefix: str


@dataclass(frozen=True)
class Arrival:
    """A frame as it came.

    Attributes:
        serialized: the message's bytes.
        received_ns: when, on the node's clock, nanoseconds.
        received_at_s: when, on the monotonic clock, seconds.
    """

    serialized: bytes
    received_ns: int
    received_at_s: float


def find_cameras(node: Node, names: Sequence[str]) -> tuple[Camera, ...]:
    """The cameras called ``names``, or the one on the default topic where there are none; remappings are followed."""
    if not names:
        topic = node.resolve_topic_name(DEFAULT_IMAGE_TOPIC)
        return (Camera(camera_of_topic(topic), topic, "~"),)
    return tuple(Camera(name, node.resolve_topic_name(f"{name}/image_raw"), f"~/{name}") for name in names)


def camera_of_topic(topic: str) -> str:
    """The camera that a resolved topic belongs to: its namespace, "front" of ``/front/image_raw``, or "camera"."""
    return topic.rpartition("/")[0].strip("/") or "camera"


class CameraInput:
    """The subscription to one camera's images, from activation to deactivation."""

    def __init__(
        self, node: Node, camera: Camera, monotonic: Callable[[], float], on_frame: Callable[[Arrival], None]
    ) -> None:
        """Subscribes; from now on ``on_frame`` is called by the executor with every frame."""
        self._node = node
        self._monotonic = monotonic
        self._on_frame = on_frame
        # Raw, so that only frames which are processed are deserialised.
        self._subscription = node.create_subscription(
            Image, camera.image_topic, self._receive, qos.CAMERA_INPUT, raw=True
        )

    def close(self) -> None:
        """Unsubscribes."""
        self._node.destroy_subscription(self._subscription)

    def _receive(self, serialized: bytes) -> None:
        now: Time = self._node.get_clock().now()
        self._on_frame(Arrival(serialized, now.nanoseconds, self._monotonic()))
