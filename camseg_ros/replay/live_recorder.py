"""Takes what the node publishes of a bag's cameras while the bag is played, into the journal of a replay."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from camseg_core.errors import ConfigurationError
from camseg_core.replay.cameras import Camera
from camseg_core.replay.drift_message import drift_result
from camseg_core.replay.journal import FrameEntry, Journal
from camseg_core.replay.summary import LiveCounts
from camseg_core.replay.topics import output_topic
from camseg_ros.conversion import stamp_ns
from camseg_ros.msg import EmbeddingDrift
from camseg_ros.replay import topics
from camseg_ros.replay.recording import JsonLinesTail

_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=50, reliability=ReliabilityPolicy.RELIABLE)
_COUNTERS = ("received", "processed", "dropped", "failed")


class LiveRecorder(Node):
    """Joins mask, drift and confidence of each frame and gives them the number of the frame that was sent.

    With a bag that is played again and again, the results of the first pass are kept.

    Args:
        context: of rclpy.
        cameras: whose outputs are taken.
        frames: how many images a pass has.
        sent: the player's log.
        journal: gets an entry for each frame that came back.
        with_confidence: whether it holds the confidence.
    """

    def __init__(
        self,
        context: Context,
        cameras: Sequence[Camera],
        frames: int,
        sent: Path,
        journal: Journal,
        with_confidence: bool,
    ) -> None:
        super().__init__("camseg_live_recorder", context=context)
        self._cameras = {camera.topic: camera.name for camera in cameras}
        self._frames = frames
        self._journal = journal
        self._log = JsonLinesTail(sent)
        self._sent: dict[tuple[str, int], list[dict[str, int]]] = {}
        self._masks: dict[tuple[str, int], tuple[Image, int]] = {}
        self._drift: dict[tuple[str, int], EmbeddingDrift] = {}
        self._confidences: dict[tuple[str, int], Image] | None = {} if with_confidence else None
        self._counts: dict[str, dict[str, int]] = {}
        self._counted_at_s = 0.0
        self._topics: list[str] = []
        for camera in cameras:
            prefix = camera.name if len(cameras) > 1 else None
            self._listen(Image, output_topic("mask", prefix), partial(self._on_mask, camera.name))
            if with_confidence:
                self._listen(Image, output_topic("confidence", prefix), partial(self._on_confidence, camera.name))
            self._listen(EmbeddingDrift, output_topic("drift", prefix), partial(self._on_drift, camera.name))
        self._listen(DiagnosticArray, topics.DIAGNOSTICS, self._on_diagnostics)

    def is_ready(self) -> bool:
        """Whether every topic has a publisher and every camera's counters have come."""
        return len(self._counts) >= len(self._cameras) and all(map(self.count_publishers, self._topics))

    def counts(self) -> LiveCounts:
        """Where the frames of all cameras went, by the player's log and the newest diagnostics."""
        totals = {name: sum(counts[name] for counts in self._counts.values()) for name in _COUNTERS}
        return LiveCounts(sent=sum(map(len, self._sent.values())), **totals)

    def has_all(self, since_s: float, patience_s: float) -> bool:
        """Whether the node is done with every frame that reached it.

        Args:
            since_s: when the last frame was sent, monotonic.
            patience_s: a frame that is not counted this long after it is lost in transport.
        """
        counts = self.counts()
        answered = counts.received == counts.processed + counts.dropped + counts.failed
        return answered and self._counted_at_s > since_s + (0.0 if counts.received >= counts.sent else patience_s)

    def store_pending(self) -> None:
        """Writes into the journal every frame of which all is there.

        Raises:
            ConfigurationError: two frames of a camera have the same stamp, by which alone results are told apart.
        """
        for line in self._log.new():
            camera, stamp = self._cameras[line["topic"]], line["stamp_ns"]
            of_stamp = self._sent.setdefault((camera, stamp), [])
            if of_stamp and line["number"] < self._frames:  # later passes, which repeat all stamps, have higher ones
                raise ConfigurationError(
                    f"camera {camera}: frames {of_stamp[0]['number']} and {line['number']} of the bag have the same "
                    f"stamp, {stamp} ns; expected each its own for --live, or a replay without it"
                )
            of_stamp.append(line)
        ready = self._masks.keys() & self._drift.keys()
        if self._confidences is not None:
            ready &= self._confidences.keys()
        for key in ready:
            (mask, arrival_ns), drift = self._masks.pop(key), self._drift.pop(key)
            confidence = None if self._confidences is None else _pixels(self._confidences.pop(key))
            sent = self._sent_before(arrival_ns, *key)
            if sent is None or sent["number"] >= self._frames:
                continue
            self._journal.append(
                FrameEntry(
                    number=sent["number"],
                    camera=key[0],
                    received_ns=sent["received_ns"],
                    stamp_ns=key[1],
                    frame_id=mask.header.frame_id,
                    labels=_pixels(mask),
                    drift=drift_result(drift),
                    latency_s=(arrival_ns - sent["sent_ns"]) / 1e9,
                    confidence=confidence,
                )
            )

    def _sent_before(self, arrival_ns: int, camera: str, stamp: int) -> dict[str, int] | None:
        """What was sent last with this stamp before its mask came; later passes send the same stamps again."""
        sent = [line for line in self._sent.get((camera, stamp), []) if line["sent_ns"] <= arrival_ns]
        return sent[-1] if sent else None

    def _listen(self, kind: type, topic: str, callback: Callable) -> None:
        self._topics.append(topic)
        self.create_subscription(kind, topic, callback, _QOS)

    def _on_mask(self, camera: str, message: Image) -> None:
        self._masks[camera, stamp_ns(message.header.stamp)] = (message, time.time_ns())

    def _on_confidence(self, camera: str, message: Image) -> None:
        assert self._confidences is not None
        self._confidences[camera, stamp_ns(message.header.stamp)] = message

    def _on_drift(self, camera: str, message: EmbeddingDrift) -> None:
        self._drift[camera, stamp_ns(message.header.stamp)] = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if all(name in values for name in _COUNTERS):
                self._counts[status.name] = {name: int(values[name]) for name in _COUNTERS}
                self._counted_at_s = time.monotonic()


def _pixels(message: Image) -> np.ndarray:
    """Those of a mono8 image, (height, width) uint8."""
    return np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.width)
