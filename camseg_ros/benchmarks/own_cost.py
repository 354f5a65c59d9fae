"""What a frame costs the node beside the model: receiving, reading, publishing."""

import sys
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from tqdm import tqdm

from camseg_core.errors import CamsegError
from camseg_ros.benchmarks.noise import random_image, stamped_image
from camseg_ros.benchmarks.probe import Probe
from camseg_ros.benchmarks.stage import NodeUnderTest, Stage, open_stage
from camseg_ros.replay import topics
from camseg_ros.replay.recording import read_json_lines

SIZES = ((480, 640), (1080, 1920))
"""Height and width of the images, pixels."""

AIMS_MS = (2.0, 8.0)
"""Median of ``own_ms`` that each of the sizes may take."""

ENCODING = "bgr8"
"""What most drivers send: its channels have to be turned round."""

DEFAULT_OUTPUTS = ("mask", "drift")
"""What a consumer of the segmentation subscribes to."""

ALL_OUTPUTS = ("mask", "mask_color", "overlay", "confidence", "drift", "drift/score", "drift/heatmap")
"""All that a camera without calibration has."""

WARM_UP_FRAMES = 20
_PATIENCE_S = 30.0
_TIMES = ("waiting_time_ms", "reading_time_ms", "inference_time_ms", "publishing_time_ms", "processing_time_ms")
_CAMERA_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)


@dataclass(frozen=True)
class FrameCost:
    """Where the time of one frame went in the node, milliseconds.

    Attributes:
        receiving_ms: processor time of the receiving thread, from the middleware to the handing on.
        waiting_ms: until the worker took it.
        reading_ms: deserialising and converting.
        publishing_ms: drawing and sending.
        own_ms: all that is not inference: receiving, waiting, and processing without inference.
        inference_ms: in the engine.
    """

    receiving_ms: float
    waiting_ms: float
    reading_ms: float
    publishing_ms: float
    own_ms: float
    inference_ms: float


@dataclass(frozen=True)
class SizeCost:
    """The frames of one size.

    Attributes:
        height, width: pixels.
        aim_ms: for the median of ``own_ms``.
        frames: those that were answered.
        lost: those that were not, in transport most likely.
    """

    height: int
    width: int
    aim_ms: float
    frames: tuple[FrameCost, ...]
    lost: int

    def percentile_ms(self, name: str, percent: float) -> float:
        """Of one of the times over the frames."""
        return float(np.percentile([getattr(frame, name) for frame in self.frames], percent))

    @property
    def meets_its_aim(self) -> bool:
        """Whether the median of ``own_ms`` does."""
        return self.percentile_ms("own_ms", 50) <= self.aim_ms


def measure(node: NodeUnderTest, frames: int, outputs: Sequence[str]) -> list[SizeCost]:
    """Sends noise images to a node, one after the other: the next when the one before is answered.

    Args:
        node: its model.
        frames: measured for each of ``SIZES``, after ``WARM_UP_FRAMES`` that are not.
        outputs: what is subscribed to; ``mask`` among them.

    Raises:
        CamsegError: the node ends, or answers nothing.
    """
    return [_measure_size(node, frames, outputs, *size, aim) for size, aim in zip(SIZES, AIMS_MS, strict=True)]


def _measure_size(
    node: NodeUnderTest, frames: int, outputs: Sequence[str], height: int, width: int, aim_ms: float
) -> SizeCost:
    with open_stage() as stage:
        log = stage.folder / "receiving.jsonl"
        command = [sys.executable, "-m", "camseg_ros.benchmarks.node_process", str(log)]
        stage.start_node(node, command=command)
        for output in outputs:
            stage.probe.watch(output)
        for name in _TIMES:
            stage.probe.watch_time(name)
        stage.wait_for_node()
        sent = _send(stage, height, width, frames)
        stage.probe.spin_for(0.5)
        costs = tuple(frame_costs(stage.probe, sent, log))
    if not costs:
        raise CamsegError(f"no frame of {height}x{width} was answered; expected {frames}")
    return SizeCost(height, width, aim_ms, costs, lost=len(sent) - len(costs))


def _send(stage: Stage, height: int, width: int, frames: int) -> dict[int, int]:
    """Sends the frames; returns when each that counts was sent, monotonic ns, by its stamp."""
    probe = stage.probe
    camera = probe.create_publisher(Image, topics.CAMERA, _CAMERA_QOS)
    probe.spin_until(lambda: camera.get_subscription_count() > 0, "the node's subscription", 60.0)
    pixels = random_image(height, width, seed=0)
    sent: dict[int, int] = {}
    total = WARM_UP_FRAMES + frames
    for number in tqdm(range(total), desc=f"{height}×{width}", unit="frame", file=sys.stderr):
        stamp = time.time_ns()
        message = stamped_image(pixels, stamp, ENCODING)
        if number >= WARM_UP_FRAMES:
            sent[stamp] = time.monotonic_ns()
        camera.publish(message)
        give_up_s = time.monotonic() + _PATIENCE_S
        while not _is_answered(probe, stamp) and time.monotonic() < give_up_s:
            probe.spin()
    return sent


def _is_answered(probe: Probe, stamp: int) -> bool:
    return stamp in probe.arrivals_s["mask"] and all(stamp in probe.times_ms[name] for name in _TIMES)


def frame_costs(probe: Probe, sent: dict[int, int], log: Path) -> Iterator[FrameCost]:
    """The costs of the frames that were answered.

    Args:
        probe: what came back.
        sent: when each frame was sent, monotonic nanoseconds, by its stamp, in order.
        log: of ``node_process``.
    """
    lines = list(read_json_lines(log))
    received_ns = [line["at_ns"] for line in lines]
    for stamp, sent_ns in sent.items():
        # The next frame is sent when this one is answered: the first one received after it was sent is it.
        index = bisect_right(received_ns, sent_ns)
        if not _is_answered(probe, stamp) or index == len(lines):
            continue
        times_ms = {name: probe.times_ms[name][stamp] for name in _TIMES}
        receiving_ms = lines[index]["receiving_ms"]
        beside_ms = times_ms["waiting_time_ms"] + times_ms["processing_time_ms"] - times_ms["inference_time_ms"]
        yield FrameCost(
            receiving_ms=receiving_ms,
            waiting_ms=times_ms["waiting_time_ms"],
            reading_ms=times_ms["reading_time_ms"],
            publishing_ms=times_ms["publishing_time_ms"],
            own_ms=receiving_ms + beside_ms,
            inference_ms=times_ms["inference_time_ms"],
        )
