"""camseg_recorder: subscribes to every output of the node and keeps it all until it is told to stop."""

import queue
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import rclpy
import typer
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32

from camseg_core.errors import CamsegError
from camseg_ros.conversion import stamp_ns
from camseg_ros.msg import EmbeddingDrift
from camseg_ros.replay import topics
from camseg_ros.replay.command import run_command
from camseg_ros.replay.recording import JsonLines, Recording, naming_what_cannot_be_written

_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Best effort matches every publisher; the depth holds what comes while a picture is being read."""

_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class PictureWriter:
    """Encodes pictures and writes them in a thread of its own, so that messages are taken when they come.

    After a picture that cannot be written no other is: the disk is full, or the folder has gone.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Path, np.ndarray, list[int]] | None] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="picture_writer")
        self._thread.start()

    def write(self, path: Path, picture: np.ndarray, options: list[int]) -> None:
        """Queues one picture: grey, or BGR as OpenCV has it."""
        self._jobs.put((path, picture, options))

    def check(self) -> None:
        """Raises CamsegError where a picture could not be written."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Returns once everything queued is written; raises CamsegError where a picture could not be."""
        self._jobs.put(None)
        self._thread.join()
        self.check()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._failure is None:
                try:
                    _write_picture(*job)
                except Exception as error:  # whatever it is: a thread that just ends keeps nothing and says nothing
                    self._failure = error


class Recorder(Node):
    """Keeps masks and overlays as pictures, drift and diagnostics as JSON lines, and when each message arrived.

    Args:
        recording: where to; its folders are made where they are not there.

    Raises:
        OSError: folders or files cannot be made.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__("camseg_recorder")
        self._recording = recording
        recording.make_folders()
        self._arrivals = JsonLines(recording.arrivals)
        self._drift = JsonLines(recording.drift)
        self._diagnostics = JsonLines(recording.diagnostics)
        self._topics: list[str] = []
        self._ready = False
        self._listen(Image, topics.MASK, self._on_mask)
        self._listen(Image, topics.MASK_COLOR, None)
        self._listen(Image, topics.OVERLAY, self._on_overlay)
        self._listen(EmbeddingDrift, topics.DRIFT, self._on_drift)
        self._listen(Float32, topics.DRIFT_SCORE, None)
        self._listen(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics)
        # Last, because its thread keeps the process alive until it is closed.
        self._pictures = PictureWriter()

    def announce_when_ready(self) -> None:
        """Leaves the file that says so once every topic has a publisher and diagnostics come."""
        if not self._ready and all(self.count_publishers(topic) for topic in self._topics):
            self._ready = self._recording.diagnostics.stat().st_size > 0
            if self._ready:
                self._recording.recorder_ready.touch()

    def check(self) -> None:
        """Raises CamsegError where a picture could not be written."""
        self._pictures.check()

    def close(self) -> None:
        """Writes everything that was received; raises CamsegError where something cannot be written."""
        try:
            self._pictures.close()
        finally:
            for file in (self._arrivals, self._drift, self._diagnostics):
                file.close()

    def _listen(self, kind: type, topic: str, keep: Callable | None) -> None:
        """Subscribes; of every message the arrival is kept, and with ``keep`` more."""

        def on_message(message: Any) -> None:
            arrival_ns = time.time_ns()
            header = getattr(message, "header", None)
            self._arrivals.write(
                topic=topic, stamp_ns=None if header is None else stamp_ns(header.stamp), arrival_ns=arrival_ns
            )
            if keep is not None:
                keep(message)

        self._topics.append(topic)
        self.create_subscription(kind, topic, on_message, _QOS)

    def _on_mask(self, message: Image) -> None:
        self._pictures.write(self._recording.mask(stamp_ns(message.header.stamp)), _pixels(message, 1), _PNG)

    def _on_overlay(self, message: Image) -> None:
        picture = _pixels(message, 3)[..., ::-1]
        self._pictures.write(self._recording.overlay(stamp_ns(message.header.stamp)), picture, _JPEG)

    def _on_drift(self, message: EmbeddingDrift) -> None:
        self._drift.write(
            stamp_ns=stamp_ns(message.header.stamp),
            score=message.score,
            method=message.method,
            state=message.state,
            p_value=message.p_value,
            warn_threshold=message.warn_threshold,
            error_threshold=message.error_threshold,
            model_id=message.model_id,
            reference_id=message.reference_id,
            latency_s=message.latency_s,
        )

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._diagnostics.write(
                stamp_ns=stamp_ns(message.header.stamp),
                name=status.name,
                level=status.level[0],
                message=status.message,
                values={value.key: value.value for value in status.values},
            )


def _pixels(message: Image, channels: int) -> np.ndarray:
    """The picture in a message of the node, which has no row padding; (height, width[, channels]) uint8, a view."""
    shape = (message.height, message.width) if channels == 1 else (message.height, message.width, channels)
    return np.frombuffer(message.data, dtype=np.uint8).reshape(shape)


def _write_picture(path: Path, picture: np.ndarray, options: list[int]) -> None:
    """Writes what OpenCV encodes; raises CamsegError where either is not possible.

    ``cv2.imwrite`` would say neither why it wrote nothing nor, of a small picture on a full disk, that it did.
    """
    try:
        is_encoded, encoded = cv2.imencode(path.suffix, picture, options)
    except cv2.error:
        is_encoded = False
    if not is_encoded:
        raise CamsegError(f"{path} cannot be encoded: its shape is {picture.shape}; expected an image with pixels")
    with naming_what_cannot_be_written(path):
        path.write_bytes(encoded.tobytes())


def run(
    folder: Annotated[
        Path, typer.Argument(help="Folder for the recording, made where it is not there; what is in it is added to.")
    ],
) -> None:
    """Records every output of the node until SIGINT or SIGTERM, or until something cannot be written."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        recorder = Recorder(Recording(folder))
        executor = SingleThreadedExecutor()
        executor.add_node(recorder)
        try:
            while not stop.is_set():
                executor.spin_once(timeout_sec=0.1)
                recorder.announce_when_ready()
                recorder.check()
        finally:
            # Whatever happened: the thread that writes pictures would keep the process alive.
            recorder.close()
        executor.shutdown()
        recorder.destroy_node()
    finally:
        rclpy.shutdown()


def main() -> None:
    """Entry point of camseg_recorder."""
    run_command("camseg_recorder", run)


if __name__ == "__main__":
    main()
