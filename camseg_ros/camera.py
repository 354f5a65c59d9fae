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

DEFAULT_NAME = "camera"
"""Below which the only camera's topics are, unless they are remapped."""


@dataclass(frozen=True)
class Camera:
    """Where one camera's images come from and its results go to.

    Attributes:
        name: what diagnostics, drift and logs call it.
        image_name: what to subscribe to for its images; a subscription follows remappings by itself, and following them
            twice would undo those that swap two cameras.
        image_topic: where that leads, with the transport's name.
        info_name: what to subscribe to for its calibration, likewise.
        output_prefix: what its output topics begin with: ``~`` or ``~/NAME``.
    """

    name: str
    image_name: str
    image_topic: str
    info_name: str
    output_prefix: str


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


def find_cameras(node: Node, names: Sequence[str], transport: str) -> tuple[Camera, ...]:
    """The cameras called ``names``, or the one on the default topics where there are none; remappings are followed.

    A remapping of ``NAME/image_raw`` takes along what belongs to it, as image_transport has it: the topic of another
    transport below it, and ``camera_info`` beside it. What is remapped itself goes its own way.

    Args:
        node: whose remappings.
        names: of the cameras.
        transport: image_transport's name of how the images come.
    """
    return tuple(_find_camera(node, name, transport) for name in names or (None,))


def _find_camera(node: Node, name: str | None, transport: str) -> Camera:
    """The camera of that name; None: the only one, called as its topic says."""
    namespace = name or DEFAULT_NAME
    image_name, ending = f"{namespace}/image_raw", ""
    if transport != "raw":
        ending = f"/{transport}"
        image_name = _remapped(node, image_name + ending, otherwise=node.resolve_topic_name(image_name) + ending)
    image_topic = node.resolve_topic_name(image_name)
    folder = image_topic.removesuffix(ending).rpartition("/")[0]
    return Camera(
        name=name or camera_of_topic(image_topic),
        image_name=image_name,
        image_topic=image_topic,
        info_name=_remapped(node, f"{namespace}/camera_info", otherwise=f"{folder}/camera_info"),
        output_prefix=f"~/{name}" if name else "~",
    )


def _remapped(node: Node, name: str, otherwise: str) -> str:
    """``name`` where a remapping leads it elsewhere, else the topic ``otherwise``."""
    is_remapped = node.resolve_topic_name(name) != node.resolve_topic_name(name, only_expand=True)
    return name if is_remapped else otherwise


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
            camera.image_name,
            self._receive,
            qos.image_input(settings.image_reliability, settings.image_depth, settings.image_durability),
            raw=True,
        )
        self._info_subscription = node.create_subscription(
            CameraInfo, camera.info_name, self._receive_info, qos.CAMERA_INPUT, raw=True
        )

    @property
    def image_topic(self) -> str:
        """Where the images come from."""
        return self._image_subscription.topic_name

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
