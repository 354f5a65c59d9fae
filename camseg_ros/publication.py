"""The publishers of one camera; what nobody subscribes to is not computed."""

import time
from collections.abc import Callable

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float32, Header

from camseg_core.camera_info import scaled_camera_info
from camseg_core.drawing import annotated_overlay, colorize, confidence_bytes, draw_region_scores
from camseg_core.errors import FrameError
from camseg_core.frames import Frame, FrameResult
from camseg_core.labels import UNLABELLED, LabelSet
from camseg_ros import qos
from camseg_ros.borrowed_messages import Float64Stamped, LabelInfo
from camseg_ros.conversion import drift_message, label_info_message, score_message, serialized_image
from camseg_ros.failure_log import FailureLog
from camseg_ros.msg import EmbeddingDrift
from camseg_ros.parameters import NodeSettings
from camseg_ros.timing import TIMES, FrameTiming

OUTPUT_TYPES: dict[str, type] = {
    "mask": Image,
    "mask_color": Image,
    "overlay": Image,
    "confidence": Image,
    "camera_info": CameraInfo,
    "drift": EmbeddingDrift,
    "drift/score": Float32,
    "drift/heatmap": Image,
}


class CameraOutputs:
    """What the node publishes of one camera, from activation to deactivation."""

    def __init__(
        self, node: Node, prefix: str, label_set: LabelSet, newest_info: Callable[[], CameraInfo | None]
    ) -> None:
        """Makes the publishers and says, once, which classes masks hold.

        Args:
            node: whose publishers.
            prefix: what the topics begin with.
            label_set: the classes of masks and their colours.
            newest_info: the camera's own calibration.
        """
        self._node = node
        self._label_set = label_set
        self._newest_info = newest_info
        # A lambda, so that it is a line of its own that warns: see Segmenter.
        self._info_failures = FailureLog(lambda text: node.get_logger().warning(text), time.monotonic)
        self._frame_publishers: dict[str, Publisher] = {
            name: node.create_publisher(kind, f"{prefix}/{name}", qos.OUTPUT) for name, kind in OUTPUT_TYPES.items()
        }
        self._timing_publishers: dict[str, Publisher] = {
            name: node.create_publisher(Float64Stamped, f"{prefix}/debug/{name}", qos.OUTPUT) for name in TIMES
        }
        self._label_info = node.create_publisher(LabelInfo, f"{prefix}/label_info", qos.LATCHED)
        self._label_info.publish(label_info_message(label_set, node.get_clock().now().to_msg()))

    def is_watched(self, settings: NodeSettings) -> bool:
        """Whether anybody subscribes to anything that is published of a frame."""
        timing_is_watched = "debug" in settings.outputs and any(map(_has_subscriber, self._timing_publishers.values()))
        return timing_is_watched or any(self._wants(name, settings) for name in self._frame_publishers)

    def wants_confidence(self, settings: NodeSettings) -> bool:
        """Whether the engine must say how sure it is."""
        return self._wants("confidence", settings)

    def publish(self, frame: Frame, result: FrameResult, header: Header, settings: NodeSettings) -> None:
        """Publishes a frame's results with the camera's header, to whoever subscribes."""
        picture = _Picture(frame.image, result.labels, self._label_set, settings.classes)
        if self._wants("mask", settings):
            self._send("mask", serialized_image(picture.labels, "mono8", header))
        if self._wants("confidence", settings) and result.confidence is not None:
            self._send("confidence", serialized_image(confidence_bytes(result.confidence), "mono8", header))
        if self._wants("camera_info", settings):
            self._publish_info(header, frame.image.shape[:2], picture.labels.shape)
        if self._wants("drift", settings):
            latency_s = (self._node.get_clock().now().nanoseconds - frame.stamp_ns) * 1e-9
            self._send("drift", drift_message(result.drift, frame.camera, header, latency_s))
        if self._wants("drift/score", settings):
            self._send("drift/score", score_message(result.drift))
        if self._wants("drift/heatmap", settings) and result.drift.region_scores:
            heatmap = draw_region_scores(picture.image(), result.drift)
            self._send("drift/heatmap", serialized_image(heatmap, "rgb8", header))
        if self._wants("mask_color", settings):
            self._send("mask_color", serialized_image(colorize(picture.labels, self._label_set), "rgb8", header))
        if self._wants("overlay", settings):
            drawn = annotated_overlay(
                picture.image(),
                picture.labels,
                self._label_set,
                result.drift,
                settings.overlay_alpha,
                settings.classes,
            )
            self._send("overlay", serialized_image(drawn, "rgb8", header))

    def publish_timing(self, header: Header, timing: FrameTiming, settings: NodeSettings) -> None:
        """Publishes where a frame's time went, with the camera's stamp."""
        if "debug" not in settings.outputs:
            return
        for name, milliseconds in timing.items():
            if _has_subscriber(self._timing_publishers[name]):
                self._timing_publishers[name].publish(Float64Stamped(stamp=header.stamp, data=float(milliseconds)))

    def close(self) -> None:
        """Destroys the publishers."""
        for publisher in (*self._frame_publishers.values(), *self._timing_publishers.values(), self._label_info):
            self._node.destroy_publisher(publisher)

    def _wants(self, name: str, settings: NodeSettings) -> bool:
        return name in settings.outputs and _has_subscriber(self._frame_publishers[name])

    def _send(self, name: str, message: object) -> None:
        self._frame_publishers[name].publish(message)

    def _publish_info(self, header: Header, image_size: tuple[int, int], size: tuple[int, int]) -> None:
        try:
            info = self._newest_info()
            if info is None:
                return
            scaled = scaled_camera_info(info, image_size, size)
        except FrameError as error:  # the mask is right all the same
            self._info_failures.report(f"no camera_info is published: {error}")
            return
        scaled.header = header
        self._send("camera_info", scaled)


class _Picture:
    """Labels as they are published, and the camera's image at their size, made when first asked for."""

    def __init__(self, image: np.ndarray, labels: np.ndarray, label_set: LabelSet, classes: tuple[str, ...]) -> None:
        self._image = image
        self.labels = _keep_classes(labels, label_set, classes) if classes else labels

    def image(self) -> np.ndarray:
        if self._image.shape[:2] != self.labels.shape:
            self._image = cv2.resize(self._image, self.labels.shape[::-1], interpolation=cv2.INTER_AREA)
        return self._image


def _keep_classes(labels: np.ndarray, label_set: LabelSet, names: tuple[str, ...]) -> np.ndarray:
    """Labels in which every class but those named is unlabelled."""
    table = np.full(256, UNLABELLED, dtype=np.uint8)
    for name in names:
        table[label_set.names.index(name)] = label_set.names.index(name)
    return cv2.LUT(labels, table)


def _has_subscriber(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0
