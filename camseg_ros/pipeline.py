"""What the worker does with frames: deserialise, convert, infer, publish."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from std_msgs.msg import Header

from camseg_core.errors import CamsegError, FrameError
from camseg_core.frames import Frame, FrameResult
from camseg_ros.camera import Arrival
from camseg_ros.conversion import NS_PER_S, deserialize_image, frame_from_message
from camseg_ros.diagnostics import CameraMonitor
from camseg_ros.parameters import NodeSettings
from camseg_ros.publication import CameraOutputs
from camseg_ros.timing import FrameTiming
from camseg_ros.work_times import WorkTimes
from camseg_ros.worker import Outcome

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

    from camseg_core.runtime.engine import InferenceEngine


NS_PER_MS = 1e6


@dataclass(frozen=True)
class _ReadFrame:
    """A frame with its header, how it came, and how long reading it took, seconds."""

    frame: Frame
    header: Header
    arrival: Arrival
    reading_s: float


class FramePipeline:
    """The jobs of the node's ``FrameWorker``, called in its thread."""

    def __init__(
        self,
        engine: "InferenceEngine",
        monitors: Mapping[str, CameraMonitor],
        work: WorkTimes,
        on_failure: Callable[[str, str], None],
        settings: Callable[[], NodeSettings],
        now_ns: Callable[[], int],
        logger: "RcutilsLogger",
    ) -> None:
        """Ready for ``connect``.

        Args:
            engine: infers.
            monitors: of every camera.
            work: told when a batch begins and ends.
            on_failure: told the camera and the reason of every failed frame.
            settings: the present ones, asked once a frame.
            now_ns: the node's clock, nanoseconds.
            logger: for changes of size or encoding.
        """
        self._engine = engine
        self._monitors = monitors
        self._work = work
        self._on_failure = on_failure
        self._settings = settings
        self._now_ns = now_ns
        self._logger = logger
        self._drift = settings().engine.drift
        self._outputs: Mapping[str, CameraOutputs] = {}
        self._image_kinds: dict[str, str] = {}
        self._published_at_s: dict[str, float] = {}

    def connect(self, outputs: Mapping[str, CameraOutputs]) -> None:
        """Where results go from now on, by camera; call it while the worker is stopped."""
        self._outputs = outputs

    def is_wanted(self, camera: str) -> bool:
        """Whether a camera's frames are inferred: drift is monitored, or somebody subscribes to an output."""
        settings = self._settings()
        return camera in self._outputs and (settings.monitor_drift or self._outputs[camera].is_watched(settings))

    def reason_to_drop(self, camera: str, item: Arrival) -> Outcome | None:
        """See FrameJobs."""
        reason = self._reason_to_drop(camera, item)
        if reason is not None:
            self._monitors[camera].frame_dropped(reason)
        return reason

    def process(self, batch: Sequence[tuple[str, Arrival]]) -> Mapping[str, Exception]:
        """See FrameJobs."""
        taken_at_s, settings = time.monotonic(), self._settings()
        for camera, _ in batch:
            self._monitors[camera].frame_taken(taken_at_s)
        self._work.begin(settings.sampling, taken_at_s)
        try:
            return self._process(batch, settings, taken_at_s)
        finally:
            self._work.end(time.monotonic())

    def report_failure(self, camera: str, error: Exception) -> None:
        """See FrameJobs."""
        self._on_failure(camera, describe(error))

    def _reason_to_drop(self, camera: str, item: Arrival) -> Outcome | None:
        if not self.is_wanted(camera):
            return Outcome.DROPPED_UNWATCHED
        max_age_s = self._settings().max_age_s
        if max_age_s == 0.0 or item.stamp_ns is None:
            return None
        return Outcome.DROPPED_STALE if self._now_ns() - item.stamp_ns > max_age_s * NS_PER_S else None

    def _process(
        self, batch: Sequence[tuple[str, Arrival]], settings: NodeSettings, taken_at_s: float
    ) -> Mapping[str, Exception]:
        failures: dict[str, Exception] = {}
        read: list[_ReadFrame] = []
        for camera, arrival in batch:
            try:
                read.append(self._read(camera, arrival, settings))
            except Exception as error:
                failures[camera] = error
        results = self._infer([one.frame for one in read], settings)
        for one, result in zip(read, results, strict=True):
            camera, started_s = one.frame.camera, time.monotonic()
            try:
                if isinstance(result, Exception):
                    raise result
                self._outputs[camera].publish(one.frame, result, one.header, settings)
            except Exception as error:
                failures[camera] = error
            else:
                self._note_times(one, result, taken_at_s, time.monotonic() - started_s)
        return failures

    def _read(self, camera: str, arrival: Arrival, settings: NodeSettings) -> "_ReadFrame":
        started_s = time.monotonic()
        message = deserialize_image(arrival.serialized, settings.image_transport)
        if arrival.header is None:
            raise FrameError(f"message of {len(arrival.serialized)} bytes has no header that can be deserialised")
        frame = frame_from_message(message, camera)
        height, width = frame.image.shape[:2]
        self._note_kind(camera, f"{height}x{width} {getattr(message, 'encoding', '') or message.format}")
        return _ReadFrame(frame, arrival.header, arrival, time.monotonic() - started_s)

    def _infer(self, frames: list[Frame], settings: NodeSettings) -> Sequence[FrameResult | Exception]:
        """The result, or the error, of each frame."""
        if not frames:
            return []
        drift = settings.engine.drift
        if drift != self._drift:
            self._engine.set_drift_thresholds(drift.expected_run_length_s, drift.threshold_scale)
            self._drift = drift
        try:
            return self._engine.infer_batch(
                frames,
                settings.sampling,
                with_confidence=any(self._outputs[frame.camera].wants_confidence(settings) for frame in frames),
                at_model_size=settings.output_size == "model",
            )
        except Exception as error:
            if len(frames) == 1:
                return [error]
        # One frame, or too many at once, must not cost the others theirs.
        return [result for frame in frames for result in self._infer([frame], settings)]

    def _note_times(self, read: "_ReadFrame", result: FrameResult, taken_at_s: float, publishing_s: float) -> None:
        frame, arrival = read.frame, read.arrival
        published_at_s, now_ns = time.monotonic(), self._now_ns()
        before_s = self._published_at_s.get(frame.camera, math.nan)
        self._published_at_s[frame.camera] = published_at_s
        timing = FrameTiming(
            transport_latency_ms=(arrival.received_ns - frame.stamp_ns) / NS_PER_MS,
            waiting_time_ms=1e3 * (taken_at_s - arrival.received_at_s),
            reading_time_ms=1e3 * read.reading_s,
            inference_time_ms=1e3 * result.inference_s,
            publishing_time_ms=1e3 * publishing_s,
            processing_time_ms=1e3 * (published_at_s - taken_at_s),
            pipeline_latency_ms=(now_ns - frame.stamp_ns) / NS_PER_MS,
            cyclic_time_ms=1e3 * (published_at_s - before_s),
        )
        self._monitors[frame.camera].frame_published(result.drift, timing)
        self._outputs[frame.camera].publish_timing(read.header, timing, self._settings())

    def _note_kind(self, camera: str, kind: str) -> None:
        known = self._image_kinds.get(camera, kind)
        if known != kind:
            self._logger.info(f"images of {camera} changed from {known} to {kind} (height x width, encoding)")
        self._image_kinds[camera] = kind


def describe(error: Exception) -> str:
    """An error in one line; those that are not ours with their type."""
    return str(error) if isinstance(error, CamsegError) else f"{type(error).__name__}: {error}"
