"""One camera as the node sees it: its topics, and the subscriptions that hand over its frames."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from camseg_core.errors import FrameError
from camseg_core.replay.topics import camera_of_topic
from camseg_ros import qos
from camseg_ros.conversion import IMAGE_TYPES, deserialize, stamp_ns
from camseg_ros.parameters import NodeSettings

DEFAULT_IMAGE_TOPIC = "camera/image_raw"


@dataclass(frozen=True)
class Camera:
    """Where one camera's images come from and its results go to.

    Attributes:
        name: what diagnostics, drift and logs call it.
        image_topic: resolved, without the transport's name.
        output_prefix: what its output topics begin with: ``~`` or ``~/NAME``.
    """

    name: str
    image_topic: str
    output_prefix: str

    def transported_topic(self, transport: str) -> str:
        """Where the images of an image_transport come from."""
        return self.image_topic if transport == "raw" else f"{self.image_topic}/{transport}"

    @property
    def info_topic(self) -> str:
        """Where the calibration comes from: beside the images, as image_transport has it."""
        return f"{self.image_topic.rpartition('/')[0]}/camera_info"


@dataclass(frozen=True)
class Arrival:
    """A frame as it came.

    Attributes:
        serialized: the message's bytes.
        header: the camera's; None where the bytes hold none.
        received_ns: when, on the node's clock, nanoseconds.
        received_at_s: when, on the monotonic clock, seconds.
    """

    serialized: bytes
    header: Header | None
    received_ns: int
    received_at_s: float

    @property
    def stamp_ns(self) -> int | None:
        """The camera's stamp, nanoseconds; None where the bytes hold none."""
        return None if self.header is None else stamp_ns(self.header.stamp)


def find_cameras(node: Node, names: Sequence[str]) -> tuple[Camera, ...]:
    """The cameras called ``names``, or the one on the default topic where there are none; remappings are followed."""
    if not names:
        topic = node.resolve_topic_name(DEFAULT_IMAGE_TOPIC)
        return (Camera(camera_of_topic(topic), topic, "~"),)
    return tuple(Camera(name, node.resolve_topic_name(f"{name}/image_raw"), f"~/{name}") for name in names)


class CameraInput:
    """The subscriptions to one camera's images and calibration, from activation to deactivation."""

    def __init__(self, node: Node, camera: Camera, settings: NodeSettings, on_frame: Callable[[Arrival], None]) -> None:
        """Subscribes; from now on ``on_frame`` is called by the executor with every frame."""
        self._node = node
        self._on_frame = on_frame
        self._info: bytes | None = None
        # Raw, so that only frames which are processed are deserialised.
        self._image_subscription = node.create_subscription(
            IMAGE_TYPES[settings.image_transport],
            camera.transported_topic(settings.image_transport),
            self._receive,
            qos.image_input(settings.image_reliability, settings.image_depth, settings.image_durability),
            raw=True,
        )
        self._info_subscription = node.create_subscription(
            CameraInfo, camera.info_topic, self._receive_info, qos.CAMERA_INPUT, raw=True
        )

    def newest_info(self) -> CameraInfo | None:
        """The camera's calibration; None before one came. Raises FrameError where it cannot be deserialised."""
        info = self._info
        return None if info is None else deserialize(info, CameraInfo)

    def close(self) -> None:
        """Unsubscribes."""
        self._node.destroy_subscription(self._image_subscription)
        self._node.destroy_subscription(self._info_subscription)

    def _receive(self, serialized: bytes) -> None:
        now_ns, now_s = self._node.get_clock().now().nanoseconds, time.monotonic()
        try:
            header = deserialize(serialized, Header)
        except FrameError:
            header = None  # whoever reads the frame will say what is wrong with it
        self._on_frame(Arrival(serialized, header, now_ns, now_s))

    def _receive_info(self, serialized: bytes) -> None:
        self._info = serialized
