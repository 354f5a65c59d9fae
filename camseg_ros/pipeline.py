"""What the worker does with frames: deserialise, convert, infer, publish."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from std_msgs.msg import Header

from camseg_core.errors import CamsegError
from camseg_core.frames import Frame, FrameResult
from camseg_ros.camera import Arrival
from camseg_ros.conversion import NS_PER_S, deserialize_header, deserialize_image, frame_from_message, stamp_ns
from camseg_ros.diagnostics import CameraMonitor
from camseg_ros.parameters import NodeSettings
from camseg_ros.publication import CameraOutputs
from camseg_ros.worker import Outcome

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

    from camseg_core.runtime.engine import InferenceEngine


class FramePipeline:
    """The jobs of the node's ``FrameWorker``; its methods are called in the worker's thread."""

    def __init__(
        self,
        engine: "InferenceEngine",
        monitors: Mapping[str, CameraMonitor],
        on_failure: Callable[[str, str], None],
        settings: Callable[[], NodeSettings],
        now_ns: Callable[[], int],
        logger: "RcutilsLogger",
    ) -> None:
        """Ready for ``connect``.

        Args:
            engine: infers.
            monitors: of every camera.
            on_failure: told the camera and the reason of every failed frame.
            settings: the present ones, asked once a frame.
            now_ns: the node's clock, nanoseconds.
            logger: for changes of size.
        """
        self._engine = engine
        self._monitors = monitors
        self._on_failure = on_failure
        self._settings = settings
        self._now_ns = now_ns
        self._logger = logger
        self._outputs: Mapping[str, CameraOutputs] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def connect(self, outputs: Mapping[str, CameraOutputs]) -> None:
        """Where results go from now on, by camera; call it while the worker is stopped."""
        self._outputs = outputs

    def is_watched(self, camera: str) -> bool:
        """Whether anybody subscribes to a camera's results."""
        return camera in self._outputs and self._outputs[camera].is_watched()

    def reason_to_drop(self, camera: str, item: Arrival) -> Outcome | None:
        """See FrameJobs."""
        if not self.is_watched(camera):
            return Outcome.DROPPED_UNWATCHED
        max_age_s = self._settings().max_age_s
        if max_age_s > 0.0:
            age_ns = self._now_ns() - stamp_ns(deserialize_header(item.serialized).stamp)
            if age_ns > max_age_s * NS_PER_S:
                return Outcome.DROPPED_STALE
        return None

    def process(self, batch: Sequence[tuple[str, Arrival]]) -> Mapping[str, Exception]:
        """See FrameJobs."""
        failures: dict[str, Exception] = {}
        read: list[tuple[Frame, Header]] = []
        for camera, arrival in batch:
            try:
                read.append(self._read(camera, arrival))
            except Exception as error:
                failures[camera] = error
        results = self._infer([frame for frame, _ in read])
        for (frame, header), result in zip(read, results, strict=True):
            try:
                if isinstance(result, Exception):
                    raise result
                self._publish(frame, header, result)
            except Exception as error:
                failures[frame.camera] = error
        return failures

    def report_failure(self, camera: str, error: Exception) -> None:
        """See FrameJobs."""
        self._on_failure(camera, describe(error))

    def _read(self, camera: str, arrival: Arrival) -> tuple[Frame, Header]:
        message = deserialize_image(arrival.serialized)
        frame = frame_from_message(message, camera)
        self._note_size(camera, frame.image.shape[:2])
        return frame, message.header

    def _infer(self, frames: list[Frame]) -> Sequence[FrameResult | Exception]:
        """The result, or the error, of each frame."""
        results: list[FrameResult | Exception] = []
        for frame in frames:
            try:
                results.append(self._engine.infer(frame))
            except Exception as error:
                results.append(error)
        return results

    def _publish(self, frame: Frame, header: Header, result: FrameResult) -> None:
        self._outputs[frame.camera].publish(frame, result, header, self._settings())
        latency_s = (self._now_ns() - frame.stamp_ns) / NS_PER_S
        self._monitors[frame.camera].frame_published(result.drift, result.inference_s, latency_s)

    def _note_size(self, camera: str, size: tuple[int, int]) -> None:
        known = self._sizes.get(camera, size)
        if known != size:
            old, new = ("x".join(map(str, s)) for s in (known, size))
            self._logger.info(f"image size of {camera} changed from {old} to {new} (height x width)")
        self._sizes[camera] = size


def describe(error: Exception) -> str:
    """An error in one line; those that are not ours with their type."""
    return str(error) if isinstance(error, CamsegError) else f"{type(error).__name__}: {error}"
