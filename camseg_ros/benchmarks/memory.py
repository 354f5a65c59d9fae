"""Memory of the node over many frames."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sensor_msgs.msg import Image
from tqdm import tqdm

from camseg_core.models.camseg.random_weights import camseg_tiny, write_random_model
from camseg_ros.benchmarks.noise import random_image, stamped_image
from camseg_ros.benchmarks.probe import RELIABLE
from camseg_ros.benchmarks.stage import NodeUnderTest, open_stage, resident_mib
from camseg_ros.replay import topics

MAX_GROWTH_MIB = 10.0
"""From frame 1000, or a tenth of fewer frames, to the last: half a KiB a frame. A mask of the tiny model has 3 KiB."""

_FRAME_PERIOD_NS = 100_000_000
_COLLECT_S = 4.0
"""The drift reference is fitted after the first 40 frames."""

_IMAGES = 16
_PATIENCE_S = 30.0


@dataclass(frozen=True)
class MemorySample:
    """Memory in RAM, MiB, at a point of a run: seconds, or frames."""

    at: float
    resident_mib: float


def growth_mib(samples: Sequence[MemorySample], after: float) -> float:
    """By how much the last sample exceeds the first one at ``after`` or later, MiB."""
    first = next(sample for sample in samples if sample.at >= after)
    return samples[-1].resident_mib - first.resident_mib


@dataclass(frozen=True)
class MemoryResult:
    """Memory by frames answered, and how many were not."""

    frames: int
    lost: int
    samples: tuple[MemorySample, ...]

    @property
    def growth_mib(self) -> float:
        """From frame 1000, or a tenth of fewer, to the last."""
        return growth_mib(self.samples, after=_warm_up(self.frames))

    @property
    def keeps_promises(self) -> bool:
        """Whether memory stayed and every frame was answered."""
        return self.growth_mib <= MAX_GROWTH_MIB and self.lost == 0


def run_frames(frames: int, device: str) -> MemoryResult:
    """Sends frames one after the other to a node with a model so small that thousands take minutes.

    All of the real engine takes part, drift detector included; every output is subscribed to.
    """
    with TemporaryDirectory(prefix="camseg_tiny_") as folder, open_stage() as stage:
        config = camseg_tiny()
        write_random_model(config, Path(folder))
        node = NodeUnderTest(folder, device, drift_reference="auto")
        process = stage.start_node(node, {"drift_collect_s": _COLLECT_S, "image_reliability": "reliable"})
        probe = stage.probe
        for output in ("mask", "mask_color", "overlay", "confidence", "drift", "drift/heatmap"):
            probe.watch(output)
        stage.wait_for_node()
        camera = probe.create_publisher(Image, topics.CAMERA, RELIABLE)
        probe.spin_until(lambda: camera.get_subscription_count() > 0, "the node's subscription", 60.0)
        images = [random_image(config.input_height_px, config.input_width_px, seed) for seed in range(_IMAGES)]
        sample_at = {round(part * frames / 10) for part in range(1, 11)} | {_warm_up(frames)}
        samples, lost = [MemorySample(0, resident_mib(process.pid))], 0
        arrived = probe.arrivals_s["overlay"]
        for number in tqdm(range(1, frames + 1), desc="memory", unit="frame", file=sys.stderr):
            stamp = number * _FRAME_PERIOD_NS
            camera.publish(stamped_image(images[number % _IMAGES], stamp))
            give_up_s = time.monotonic() + _PATIENCE_S
            while stamp not in arrived and time.monotonic() < give_up_s:
                probe.spin()
            lost += stamp not in arrived
            if number in sample_at:
                samples.append(MemorySample(number, resident_mib(process.pid)))
    return MemoryResult(frames, lost, tuple(samples))


def _warm_up(frames: int) -> int:
    return min(1000, max(frames // 10, 1))
