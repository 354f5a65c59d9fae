"""The publishers of one camera; what nobody subscribes to is not computed."""

from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header

from camseg_core.drawing import colorize, draw_drift_gauge, overlay
from camseg_core.frames import Frame, FrameResult
from camseg_core.labels import LabelSet
from camseg_ros import qos
from camseg_ros.conversion import drift_message, image_message, score_message
from camseg_ros.msg import EmbeddingDrift
from camseg_ros.parameters import NodeSettings


class CameraOutputs:
    """What the node publishes of one camera, from activation to deactivation."""

    def __init__(self, node: Node, prefix: str, label_set: LabelSet) -> None:
        """Makes the publishers, on topics that begin with ``prefix``; masks are drawn in ``label_set``'s colours."""
        self._node = node
        self._label_set = label_set
        self._mask = node.create_publisher(Image, f"{prefix}/mask", qos.OUTPUT)
        self._mask_color = node.create_publisher(Image, f"{prefix}/mask_color", qos.OUTPUT)
        self._overlay = node.create_publisher(Image, f"{prefix}/overlay", qos.OUTPUT)
        self._drift = node.create_publisher(EmbeddingDrift, f"{prefix}/drift", qos.OUTPUT)
        self._drift_score = node.create_publisher(Float32, f"{prefix}/drift/score", qos.OUTPUT)
        self._all = (self._mask, self._mask_color, self._overlay, self._drift, self._drift_score)

    def is_watched(self) -> bool:
        """Whether anybody subscribes to any of it."""
        return any(has_subscriber(publisher) for publisher in self._all)

    def publish(self, frame: Frame, result: FrameResult, header: Header, settings: NodeSettings) -> None:
        """Publishes a frame's results with the camera's header, to whoever subscribes."""
        if has_subscriber(self._mask):
            self._mask.publish(image_message(result.labels, "mono8", header))
        if has_subscriber(self._drift):
            latency_s = (self._node.get_clock().now().nanoseconds - frame.stamp_ns) * 1e-9
            self._drift.publish(drift_message(result.drift, frame.camera, header, latency_s))
        if has_subscriber(self._drift_score):
            self._drift_score.publish(score_message(result.drift))
        if has_subscriber(self._mask_color):
            self._mask_color.publish(image_message(colorize(result.labels, self._label_set), "rgb8", header))
        if has_subscriber(self._overlay):
            picture = overlay(frame.image, result.labels, self._label_set, settings.overlay_alpha)
            draw_drift_gauge(picture, result.drift)
            self._overlay.publish(image_message(picture, "rgb8", header))

    def close(self) -> None:
        """Destroys the publishers."""
        for publisher in self._all:
            self._node.destroy_publisher(publisher)


def has_subscriber(publisher: Publisher) -> bool:
    """Whether anybody would receive what is published."""
    return publisher.get_subscription_count() > 0
