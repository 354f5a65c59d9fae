"""A camera and a consumer around the node under test, in the benchmark's own process."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from camseg_core.errors import CamsegError
from camseg_ros.borrowed_messages import Float64Stamped
from camseg_ros.conversion import deserialize_image, stamp_ns
from camseg_ros.publication import OUTPUT_TYPES
from camseg_ros.replay import topics

RELIABLE = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)


def _ignore(_: bytes) -> None:
    """Takes a message for nothing, as a consumer would for something."""


class Probe(Node):
    """Publishes images as they are handed in and keeps what comes back.

    Args:
        context: of rclpy.
    """

    def __init__(self, context: Context) -> None:
        super().__init__("camseg_benchmark", context=context)
        self.arrivals_s: dict[str, dict[int, float]] = {}
        """By output and stamp, nanoseconds: when it arrived, monotonic, seconds."""
        self.sizes: dict[str, dict[int, tuple[int, int]]] = {}
        """Likewise height and width of images."""
        self.times_ms: dict[str, dict[int, float]] = {}
        """Likewise the values of the node's times."""
        self.counters: dict[str, dict[str, str]] = {}
        """The newest values of each camera's status, by camera."""
        self.levels: dict[str, bytes] = {}
        """Their levels."""
        self.counted_at_s = 0.0
        """When the newest diagnostics came, monotonic, seconds."""
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics, RELIABLE)

    def watch(self, output: str, camera: str = "") -> None:
        """Subscribes to an output of the node's only camera or of one of several; arrivals are kept of images."""
        name = f"{camera}/{output}" if camera else output
        kind = OUTPUT_TYPES[output]
        self.arrivals_s[name], self.sizes[name] = {}, {}
        callback = partial(self._on_image, name) if kind is Image else _ignore
        self.create_subscription(kind, f"/{topics.NODE_NAME}/{name}", callback, RELIABLE, raw=True)

    def watch_time(self, name: str) -> None:
        """Subscribes to one of the node's times, such as ``reading_time_ms``."""
        values = self.times_ms.setdefault(name, {})

        def keep(message: Any) -> None:
            values[stamp_ns(message.stamp)] = message.data

        self.create_subscription(Float64Stamped, f"/{topics.NODE_NAME}/debug/{name}", keep, RELIABLE)

    def spin(self) -> None:
        """Takes what has come, or waits a moment for it."""
        self._executor.spin_once(timeout_sec=0.01)

    def spin_until(self, condition: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Takes what comes until ``condition`` holds; raises CamsegError where it does not in time."""
        give_up_s = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > give_up_s:
                raise CamsegError(f"waited {timeout_s:g} s in vain for {what}")
            self.spin()

    def spin_for(self, seconds: float) -> None:
        """Takes what comes meanwhile."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.spin()

    @property
    def camera(self) -> str:
        """What the node calls its only camera."""
        (name,) = self.counters
        return name

    def counts(self, camera: str) -> dict[str, int]:
        """The camera's counters in the newest diagnostics."""
        names = ("received", "processed", "dropped", "failed", "pending")
        return {name: int(self.counters[camera][name]) for name in names}

    def _on_image(self, output: str, serialized: bytes) -> None:
        now_s = time.monotonic()
        image = deserialize_image(serialized, "raw")
        stamp = stamp_ns(image.header.stamp)
        self.arrivals_s[output][stamp], self.sizes[output][stamp] = now_s, (image.height, image.width)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if "received" in values:
                self.counters[status.hardware_id], self.levels[status.hardware_id] = values, status.level
                self.counted_at_s = time.monotonic()
