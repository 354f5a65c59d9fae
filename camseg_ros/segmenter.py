"""All that lives from configure to cleanup: the engine, the worker thread, and what is known of each camera."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from camseg_ros.camera import Arrival, Camera
from camseg_ros.conversion import NS_PER_S
from camseg_ros.diagnostics import CameraFacts, CameraMonitor, format_ms
from camseg_ros.failure_log import FailureLog
from camseg_ros.parameters import NodeSettings
from camseg_ros.pipeline import FramePipeline, describe
from camseg_ros.publication import CameraOutputs
from camseg_ros.topic_status import TopicMonitor
from camseg_ros.work_times import WorkTimes
from camseg_ros.worker import FrameCounts, FrameWorker, Outcome

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

    from camseg_core.runtime.engine import InferenceEngine


class Segmenter:
    """Segments the newest frame of each camera. Until ``start`` and after ``stop`` frames are dropped and counted.

    Args:
        engine: infers; closed with the segmenter.
        cameras: whose frames.
        node_name: for diagnostics.
        settings: the present ones.
        now_ns: the node's clock, nanoseconds.
        logger: the node's.
    """

    def __init__(
        self,
        engine: "InferenceEngine",
        cameras: Sequence[Camera],
        node_name: str,
        settings: Callable[[], NodeSettings],
        now_ns: Callable[[], int],
        logger: "RcutilsLogger",
    ) -> None:
        self.engine = engine
        self.cameras = tuple(cameras)
        self._settings = settings
        self._logger = logger
        self._is_left = False
        # On a GPU several cameras may share a batch, which then is waited for longer than need be.
        work = WorkTimes(turns=len(self.cameras))
        self._monitors = {
            camera.name: CameraMonitor(
                CameraFacts(node_name, camera.name, camera.image_topic, engine.model_id, str(engine.device)), work
            )
            for camera in cameras
        }
        # A lambda, not ``logger.error``: rclpy's loggers refuse to log from one line now an error, then a warning, and
        # take that of FailureLog, which logs both, for the line that a bound method is called from.
        self._failure_logs = {
            camera.name: FailureLog(lambda text: logger.error(text), time.monotonic) for camera in cameras
        }
        self._pipeline = FramePipeline(engine, self._monitors, work, self._report_failure, settings, now_ns, logger)
        self._topic_monitors = {camera.name: TopicMonitor(node_name, camera.image_topic) for camera in cameras}
        max_batch = settings().max_batch or (len(self.cameras) if str(engine.device).startswith("cuda") else 1)
        self._worker: FrameWorker[Arrival] = FrameWorker([camera.name for camera in cameras], self._pipeline, max_batch)
        self._worker.stop(timeout_s=0.0)

    def put(self, camera: str, arrival: Arrival) -> None:
        """Hands in a frame; returns at once."""
        self._monitors[camera].frame_received(arrival.received_at_s)
        delay_s = None if arrival.stamp_ns is None else (arrival.received_ns - arrival.stamp_ns) / NS_PER_S
        self._topic_monitors[camera].tick(arrival.received_at_s, delay_s)
        if self._worker.put(camera, arrival):
            self._monitors[camera].frame_dropped(Outcome.DROPPED_BUSY)

    def start(self, outputs: Mapping[str, CameraOutputs]) -> None:
        """From now on frames are segmented and the results go to ``outputs``, by camera."""
        for monitor in self._monitors.values():
            monitor.begin()
        for topic_monitor in self._topic_monitors.values():
            topic_monitor.begin()
        self._pipeline.connect(outputs)
        self._worker.resume()

    def stop(self, timeout_s: float) -> bool:
        """Lets the frames in work end and takes no more; says whether they did within ``timeout_s`` seconds."""
        has_stopped = self._worker.stop(timeout_s)
        if has_stopped:
            self._pipeline.connect({})
        return has_stopped

    def counts(self, camera: str) -> FrameCounts:
        """What became of a camera's frames so far."""
        return self._worker.counts(camera)

    def statuses(self, is_active: bool) -> list[DiagnosticStatus]:
        """What diagnostics say of each camera now, and of each camera's topic while the node listens."""
        settings, now_s = self._settings(), time.monotonic()
        cameras = [
            self._monitors[camera.name].status(
                self.counts(camera.name),
                is_active=is_active,
                is_wanted=self._pipeline.is_wanted(camera.name),
                collection_failure=self._collection_failure(camera.name),
                stale_after_s=settings.stale_after_s,
                now_s=now_s,
            )
            for camera in self.cameras
        ]
        if not is_active:
            return cameras
        return cameras + [self._topic_monitors[c.name].status(now_s, settings.expected_rate_hz) for c in self.cameras]

    def log_summary(self) -> None:
        """Logs what became of each camera's frames."""
        for camera in self.cameras:
            counts = self.counts(camera.name)
            self._logger.info(
                f"{camera.name}: frames received {counts.received}, processed {counts.processed},"
                f" dropped {counts.dropped} (busy {counts.dropped_busy}, stale {counts.dropped_stale},"
                f" unwatched {counts.dropped_unwatched}, stopped {counts.dropped_stopped}),"
                f" failed {counts.failed}, unfinished {counts.pending};"
                f" latency p50 {format_ms(self._monitors[camera.name].latency_p50_ms())} ms"
            )

    def close(self, timeout_s: float) -> bool:
        """Ends the worker and frees the engine; says whether the frames in work ended within ``timeout_s`` seconds.

        Where they did not, the engine is left to them, and what becomes of them is not reported any more.
        """
        has_ended = self._worker.close(timeout_s)
        self._is_left = not has_ended
        if has_ended:
            try:
                self.engine.close()
            except Exception as error:  # a lost GPU does not even take its memory back; all else still has to end
                self._logger.error(f"the engine could not be closed: {describe(error)}")
        return has_ended

    def _collection_failure(self, camera: str) -> str:
        detector = self.engine.drift_detectors.get(camera)
        return "" if detector is None else detector.failure

    def _report_failure(self, camera: str, reason: str) -> None:
        if self._is_left:
            return  # the node it would publish to may be gone
        self._monitors[camera].frame_failed(reason)
        self._failure_logs[camera].report(f"frame of {camera} failed: {reason}")
