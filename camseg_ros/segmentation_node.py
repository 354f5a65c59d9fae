"""``camseg_node``: camera images in; masks, overlay, drift and diagnostics out."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Header

from camseg_core.drawing import colorize, draw_drift_gauge, overlay
from camseg_core.errors import CamsegError, ConfigurationError
from camseg_core.frames import Frame, FrameResult
from camseg_ros import qos
from camseg_ros.conversion import (
    NS_PER_S,
    deserialize_image,
    drift_message,
    frame_from_message,
    image_message,
    score_message,
)
from camseg_ros.diagnostics import CameraFacts, CameraMonitor, format_ms
from camseg_ros.failure_log import FailureLog
from camseg_ros.msg import EmbeddingDrift
from camseg_ros.worker import FrameCounts, NewestItemWorker

if TYPE_CHECKING:
    from camseg_core.runtime.engine import EngineSettings, InferenceEngine

DIAGNOSTICS_PERIOD_S = 1.0
CLOSE_TIMEOUT_S = 1.0
"""How long the frame in work may take when the node ends; together with the rest it stays below 2 s."""


EngineFactory = Callable[["EngineSettings"], "InferenceEngine"]


class SegmentationNode(Node):
    """Subscribes to one camera, infers in a worker thread and publishes what is subscribed to."""

    def __init__(self, engine_factory: EngineFactory | None = None, **node_arguments: Any) -> None:
        """Declares the parameters, loads the model and starts listening.

        Args:
            engine_factory: makes the engine from EngineSettings; None: ``InferenceEngine``.
            node_arguments: passed on to ``rclpy.node.Node``.

        Raises:
            CamsegError: a parameter is out of range, or the model or drift reference cannot be loaded.
        """
        super().__init__("camseg", **node_arguments)
        # Imported late: torch takes seconds to load, and Ctrl-C must be answered during them.
        from camseg_core.runtime.engine import InferenceEngine
        from camseg_ros.parameters import NodeParameters

        self._own_parameters = NodeParameters(self)
        settings = self._own_parameters.settings
        self._engine = (engine_factory or InferenceEngine)(settings.engine)

        self._mask = self.create_publisher(Image, "~/mask", qos.OUTPUT)
        self._mask_color = self.create_publisher(Image, "~/mask_color", qos.OUTPUT)
        self._overlay = self.create_publisher(Image, "~/overlay", qos.OUTPUT)
        self._drift = self.create_publisher(EmbeddingDrift, "~/drift", qos.OUTPUT)
        self._drift_score = self.create_publisher(Float32, "~/drift/score", qos.OUTPUT)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)

        self._topic = self.resolve_topic_name("camera/image_raw")
        self._camera = camera_of_topic(self._topic)
        self._monitor = CameraMonitor(
            CameraFacts(
                node=self.get_name(),
                camera=self._camera,
                topic=self._topic,
                model_id=self._engine.model_id,
                device=str(self._engine.device),
                stale_after_s=settings.stale_after_s,
            )
        )
        self._failures = FailureLog(lambda text: self.get_logger().error(text), time.monotonic)
        self._image_size: tuple[int, int] | None = None
        self._worker: NewestItemWorker[bytes] = NewestItemWorker(self._process, self._report_failure, self._is_watched)
        # Raw, so that only frames which are processed are deserialised.
        self.create_subscription(Image, "camera/image_raw", self._receive, qos.CAMERA_INPUT, raw=True)
        # A steady clock: with use_sim_time and no /clock, diagnostics must say so rather than stop.
        self.create_timer(
            DIAGNOSTICS_PERIOD_S, self._publish_diagnostics, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def announce(self) -> None:
        """Logs that the node is ready, with what and for which topic."""
        self.get_logger().info(
            f"ready: model {self._engine.model_id} on {self._engine.device},"
            f" {self._own_parameters.settings.engine.steps} steps; listening to {self._topic}"
        )

    def counts(self) -> FrameCounts:
        """What became of the frames so far."""
        return self._worker.counts()

    def close(self) -> bool:
        """Ends the worker, logs the summary and frees the engine; says whether the frame in work ended in time."""
        has_ended = self._worker.close(CLOSE_TIMEOUT_S)
        counts = self.counts()
        self.get_logger().info(
            f"frames received {counts.received}, processed {counts.processed}, dropped {counts.dropped}"
            f" (unwatched {counts.unwatched}), failed {counts.failed}, unfinished {counts.pending};"
            f" latency p50 {format_ms(self._monitor.latency_p50_s())} ms"
        )
        if has_ended:
            self._engine.close()
        return has_ended

    # Called by the executor.

    def _receive(self, serialized: bytes) -> None:
        self._monitor.frame_received(time.monotonic())
        self._worker.put(serialized)

    def _publish_diagnostics(self) -> None:
        status = self._monitor.status(self.counts(), self._is_watched(), time.monotonic())
        header = Header(stamp=self.get_clock().now().to_msg())
        self._diagnostics.publish(DiagnosticArray(header=header, status=[status]))

    # Called by the worker's thread.

    def _is_watched(self) -> bool:
        outputs = (self._mask, self._mask_color, self._overlay, self._drift, self._drift_score)
        return any(has_subscriber(output) for output in outputs)

    def _process(self, serialized: bytes) -> None:
        message = deserialize_image(serialized)
        frame = frame_from_message(message, self._camera)
        self._note_size(frame.image.shape[:2])
        result = self._engine.infer(frame)
        self._publish(frame, result, message.header)
        self._monitor.frame_published(result.drift, result.inference_s, self._latency_s(frame))

    def _publish(self, frame: Frame, result: FrameResult, header: Header) -> None:
        if has_subscriber(self._mask):
            self._mask.publish(image_message(result.labels, "mono8", header))
        if has_subscriber(self._drift):
            self._drift.publish(drift_message(result.drift, frame.camera, header, self._latency_s(frame)))
        if has_subscriber(self._drift_score):
            self._drift_score.publish(score_message(result.drift))
        if has_subscriber(self._mask_color):
            self._mask_color.publish(image_message(colorize(result.labels, self._engine.label_set), "rgb8", header))
        if has_subscriber(self._overlay):
            picture = overlay(
                frame.image, result.labels, self._engine.label_set, self._own_parameters.settings.overlay_alpha
            )
            draw_drift_gauge(picture, result.drift)
            self._overlay.publish(image_message(picture, "rgb8", header))

    def _report_failure(self, _: bytes, error: Exception) -> None:
        text = str(error) if isinstance(error, CamsegError) else f"{type(error).__name__}: {error}"
        self._monitor.frame_failed(text)
        self._failures.report(f"frame of {self._camera} failed: {text}")

    def _note_size(self, size: tuple[int, int]) -> None:
        if self._image_size not in (None, size):
            old, new = ("x".join(map(str, s)) for s in (self._image_size, size))
            self.get_logger().info(f"image size of {self._camera} changed from {old} to {new} (height x width)")
        self._image_size = size

    def _latency_s(self, frame: Frame) -> float:
        return (self.get_clock().now().nanoseconds - frame.stamp_ns) / NS_PER_S


def has_subscriber(publisher: Publisher) -> bool:
    """Whether anybody would receive what is published."""
    return publisher.get_subscription_count() > 0


def camera_of_topic(topic: str) -> str:
    """The camera that a resolved topic belongs to: its namespace, "front" of ``/front/image_raw``, or "camera"."""
    return topic.rpartition("/")[0].strip("/") or "camera"


def main(engine_factory: EngineFactory | None = None) -> NoReturn:
    """Runs the node until Ctrl-C or SIGTERM. Exit code: 0 after a signal, 1 where the node cannot start.

    Args:
        engine_factory: as for ``SegmentationNode``.
    """
    code = _run(engine_factory)
    sys.stdout.flush()
    sys.stderr.flush()
    # All is closed by now. Tearing down an interpreter with torch in it would take seconds on a busy machine, and must
    # not be done at all under a worker that still computes.
    os._exit(code)


def _run(engine_factory: EngineFactory | None) -> int:
    stop = threading.Event()

    def interrupt_start(number: int, frame: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    _on_stop_signals(interrupt_start)
    try:
        _init_rclpy()
        node = SegmentationNode(engine_factory)
        _on_stop_signals(lambda number, frame: stop.set())
    except CamsegError as error:
        rclpy.logging.get_logger("camseg").fatal(str(error))
        return 1
    except BaseException:
        # A signal during an import surfaces as whatever the interrupted library makes of it.
        if stop.is_set():
            return 0
        raise

    node.announce()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stop.is_set():
        executor.spin_once(timeout_sec=0.1)
    if node.close():
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    return 0


def _init_rclpy() -> None:
    """Reads the ROS arguments; raises ConfigurationError where they cannot be parsed."""
    try:
        # Without rclpy's own signal handlers, which invalidate the context before the summary is logged.
        rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's C++ part raises types of its own, which it does not export
        raise ConfigurationError(f"ROS arguments {' '.join(sys.argv[1:])!r}: {error}") from error


def _on_stop_signals(handler: Callable[[int, object], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


if __name__ == "__main__":
    main()
