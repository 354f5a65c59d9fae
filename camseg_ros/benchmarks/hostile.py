"""Messages that are anything, into a running node: how soon the next good frame is answered."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from tqdm import tqdm

from camseg_core.runtime.pixel_formats import ENCODINGS
from camseg_ros.benchmarks.noise import FRAME_ID, random_image, stamped_image
from camseg_ros.benchmarks.probe import RELIABLE, Probe
from camseg_ros.benchmarks.stage import NodeUnderTest, Stage, open_stage
from camseg_ros.conversion import time_message
from camseg_ros.replay import topics

AIM_S = 1.0
"""Within which the good frame must be answered."""

AT_ONCE = 20
"""Messages between two good frames."""

HEIGHT, WIDTH = 480, 640
_PATIENCE_S = 60.0

_EXTREMES = (0, 1, 2, 3, 7, WIDTH, 3 * WIDTH, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_FORMATS = ("jpeg", "png", "rgb8; jpeg compressed bgr8", "", "tiff", "16UC1; compressedDepth", "ÿ" * 300)


@dataclass(frozen=True)
class HostileResult:
    """How a node took it.

    Attributes:
        transport: ``raw`` or ``compressed``.
        messages: mutated ones sent; the subscription was reliable, so all arrived.
        received, processed, dropped, failed: as the node counted, good frames included.
        answers_s: from sending each good frame to its mask's arrival.
        unanswered: good frames without a mask.
    """

    transport: str
    messages: int
    received: int
    processed: int
    dropped: int
    failed: int
    answers_s: tuple[float, ...]
    unanswered: int

    @property
    def keeps_promises(self) -> bool:
        """Whether every message was counted and every good frame answered in time."""
        counted = self.received == self.processed + self.dropped + self.failed
        complete = self.received == self.messages + len(self.answers_s) + self.unanswered
        return counted and complete and not self.unanswered and max(self.answers_s) <= AIM_S


def run_hostile(node: NodeUnderTest, messages: int, seed: int) -> list[HostileResult]:
    """Half of the messages into a node that reads raw images, half into one that reads compressed ones."""
    return [_run(node, transport, messages // 2, seed) for transport in ("raw", "compressed")]


def _run(node: NodeUnderTest, transport: str, messages: int, seed: int) -> HostileResult:
    rng = np.random.default_rng(seed)
    make_good = good_image if transport == "raw" else good_compressed_image
    mutate = mutated_image if transport == "raw" else mutated_compressed_image
    with open_stage() as stage:
        # Reliable, so that every one of them reaches the node.
        reliable: dict[str, str | int | float | bool] = {"image_reliability": "reliable", "image_depth": 100}
        stage.start_node(node, {"image_transport": transport, **reliable})
        probe = stage.probe
        probe.watch("mask")
        stage.wait_for_node()
        kind, topic = (Image, topics.CAMERA) if transport == "raw" else (CompressedImage, f"{topics.CAMERA}/compressed")
        camera = probe.create_publisher(kind, topic, RELIABLE)
        probe.spin_until(lambda: camera.get_subscription_count() > 0, "the node's subscription", 60.0)
        answers_s = list(_checks(stage, camera.publish, make_good, lambda: mutate(rng), messages))
        stage.wait_until_settled()
        counts = probe.counts(probe.camera)
    answered = tuple(seconds for seconds in answers_s if seconds is not None)
    return HostileResult(
        transport,
        messages,
        **{name: value for name, value in counts.items() if name != "pending"},
        answers_s=answered,
        unanswered=len(answers_s) - len(answered),
    )


def _checks(
    stage: Stage,
    send: Callable[[bytes], None],
    make_good: Callable[[int], bytes],
    make_mutated: Callable[[], bytes],
    messages: int,
) -> Iterator[float | None]:
    """Sends everything; for each good frame the seconds until its mask, None where none came."""
    probe = stage.probe
    with tqdm(desc="hostile", unit="message", total=messages, file=sys.stderr) as progress:
        while progress.n < messages:
            for _ in range(min(AT_ONCE, messages - progress.n)):
                send(make_mutated())
                progress.update()
                probe.spin_for(0.002)
            stamp = time.time_ns()
            good = make_good(stamp)
            started_s = time.monotonic()
            send(good)
            yield _wait_for_mask(stage, probe, stamp, started_s)


def _wait_for_mask(stage: Stage, probe: Probe, stamp: int, started_s: float) -> float | None:
    arrived = probe.arrivals_s["mask"]
    while time.monotonic() < started_s + _PATIENCE_S:
        probe.spin()
        stage.children.check()
        if stamp in arrived and probe.sizes["mask"][stamp] == (HEIGHT, WIDTH):
            return arrived[stamp] - started_s
    return None


def good_image(stamp: int) -> bytes:
    """A whole rgb8 image, serialised."""
    return stamped_image(_PIXELS, stamp)


def good_compressed_image(stamp: int) -> bytes:
    """A whole PNG, serialised."""
    header = Header(stamp=time_message(stamp), frame_id=FRAME_ID)
    return serialize_message(CompressedImage(header=header, format="png", data=_PNG))


def mutated_image(rng: np.random.Generator) -> bytes:
    """An image with wrong fields, or with damaged bytes."""
    if rng.random() < 0.5:
        return _damaged(good_image(int(rng.integers(2**40))), rng)
    message = Image(header=_any_header(rng), height=HEIGHT, width=WIDTH, step=3 * WIDTH, encoding="rgb8")
    message.data.frombytes(_PIXELS.tobytes()[: int(rng.choice([0, 1, 100, 3 * WIDTH * HEIGHT]))])
    for name in rng.choice(["height", "width", "step", "encoding", "is_bigendian"], int(rng.integers(1, 4))):
        if name == "encoding":
            message.encoding = str(rng.choice([*ENCODINGS, "", "rgb9", "x" * 1000]))
        elif name == "is_bigendian":
            message.is_bigendian = int(rng.integers(256))
        else:
            setattr(message, name, int(rng.choice(_EXTREMES)))
    return serialize_message(message)


def mutated_compressed_image(rng: np.random.Generator) -> bytes:
    """A file of another format, cut short or damaged; or a damaged message."""
    if rng.random() < 0.5:
        return _damaged(good_compressed_image(int(rng.integers(2**40))), rng)
    data = [_PNG, _JPEG, rng.bytes(300), b"\xff\xd8\xff" + rng.bytes(300) + b"\xff\xd9"][int(rng.integers(4))]
    data = _damaged(data, rng)
    message = CompressedImage(header=_any_header(rng), format=str(rng.choice(_FORMATS)))
    message.data.frombytes(data)
    return serialize_message(message)


def _damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, or with some bytes changed, most of them where the fields are."""
    if rng.random() < 0.3:
        return whole[: int(rng.integers(len(whole)))]
    changed = bytearray(whole)
    for _ in range(int(rng.integers(1, 9))):
        end = min(len(whole), 120) if rng.random() < 0.7 else len(whole)
        changed[int(rng.integers(end))] = int(rng.integers(256))
    return bytes(changed)


def _any_header(rng: np.random.Generator) -> Header:
    header = Header(frame_id="f" * int(rng.choice([0, 1, 5000])))
    header.stamp.sec, header.stamp.nanosec = int(rng.integers(-(2**31), 2**31)), int(rng.integers(2**32))
    return header


_PIXELS = random_image(HEIGHT, WIDTH, seed=0)
_PNG = cv2.imencode(".png", _PIXELS)[1].tobytes()
_JPEG = cv2.imencode(".jpg", _PIXELS)[1].tobytes()
