"""Three cameras at once, each faster than the node can be: nothing crashes, nothing grows, every frame is counted."""

import sys
import time
from dataclasses import dataclass

from tqdm import tqdm

from camseg_ros.benchmarks.memory import MemorySample, growth_mib
from camseg_ros.benchmarks.stage import NodeUnderTest, Stage, open_stage, resident_mib
from camseg_ros.replay.recording import read_json_lines

CAMERAS = ("front", "left", "right")
HEIGHT, WIDTH, RATE_HZ = 1080, 1920, 30.0

MAX_GROWTH_MIB = 64.0
"""From the end of the first tenth to the end; a leak of ten frames in all would pass it."""

_WARM_UP = 0.1
_SAMPLE_PERIOD_S = 60.0


@dataclass(frozen=True)
class CameraCounts:
    """Where one camera's frames went: sent by the camera, masks as they arrived, the others as the node counts."""

    camera: str
    sent: int
    received: int
    processed: int
    dropped: int
    failed: int
    masks: int

    @property
    def adds_up(self) -> bool:
        """Whether every frame received is accounted for, once, and none failed."""
        return self.received == self.processed + self.dropped + self.failed and self.failed == 0


@dataclass(frozen=True)
class LoadResult:
    """What the load did to the node.

    Attributes:
        duration_s: how long frames came.
        sent_hz: frames a second of each camera, as sent.
        cameras: counts of each.
        memory: at the start, each minute, at the end.
    """

    duration_s: float
    sent_hz: float
    cameras: tuple[CameraCounts, ...]
    memory: tuple[MemorySample, ...]

    @property
    def growth_mib(self) -> float:
        """Of memory after the first tenth."""
        return growth_mib(self.memory, after=_WARM_UP * self.duration_s)

    @property
    def keeps_promises(self) -> bool:
        """Whether counts add up, every camera was served, and memory stayed."""
        served = all(camera.adds_up and camera.processed > 0 for camera in self.cameras)
        return served and self.growth_mib <= MAX_GROWTH_MIB


def run_load(node: NodeUnderTest, duration_s: float) -> LoadResult:
    """Sends for that long; raises ChildError where the node ends meanwhile."""
    with open_stage() as stage:
        process = stage.start_node(node, cameras=CAMERAS)
        for camera in CAMERAS:
            stage.probe.watch("mask", camera)
            stage.probe.watch("drift", camera)
        stage.wait_for_node(len(CAMERAS))
        log = stage.folder / "sent.jsonl"
        memory = _send(stage, process.pid, duration_s, log=str(log))
        stage.wait_until_settled()
        memory.append(MemorySample(duration_s, resident_mib(process.pid)))
        *_, sent = read_json_lines(log)
        counts = tuple(
            CameraCounts(
                camera,
                sent["sent"],
                **{n: v for n, v in stage.probe.counts(camera).items() if n != "pending"},
                masks=len(stage.probe.arrivals_s[f"{camera}/mask"]),
            )
            for camera in CAMERAS
        )
    return LoadResult(duration_s, sent["sent"] / sent["seconds"], counts, tuple(memory))


def _send(stage: Stage, process_id: int, duration_s: float, log: str) -> list[MemorySample]:
    topics = [part for camera in CAMERAS for part in ("--topic", f"/{camera}/image_raw")]
    size = ["--height", str(HEIGHT), "--width", str(WIDTH), "--rate", str(RATE_HZ), "--seconds", str(duration_s)]
    memory = [MemorySample(0.0, resident_mib(process_id))]
    cameras = stage.start_module(
        "camseg_cameras", "camseg_ros.benchmarks.cameras_process", *topics, *size, "--log", log
    )
    started_s = time.monotonic()
    sample_at_s = [_WARM_UP * duration_s, *_multiples(_SAMPLE_PERIOD_S, duration_s)]
    with tqdm(desc="load", unit="s", total=round(duration_s), file=sys.stderr) as progress:

        def watch() -> None:
            stage.probe.spin()
            elapsed_s = time.monotonic() - started_s
            progress.update(min(round(elapsed_s), progress.total) - progress.n)
            while sample_at_s and elapsed_s >= sample_at_s[0]:
                memory.append(MemorySample(sample_at_s.pop(0), resident_mib(process_id)))

        stage.children.wait_for(cameras, watch)
    return memory


def _multiples(period_s: float, duration_s: float) -> list[float]:
    return [period_s * n for n in range(1, round(duration_s / period_s) + 1) if period_s * n < duration_s]
