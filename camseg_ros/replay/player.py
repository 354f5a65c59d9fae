"""camseg_player: publishes a folder, a bag or the built-in clip as a camera would."""

import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import rclpy
import typer
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tqdm import tqdm

from camseg_core.data.sources import FrameSource, open_source
from camseg_core.errors import CamsegError
from camseg_ros.conversion import image_message, time_message
from camseg_ros.qos import CAMERA_INPUT
from camseg_ros.replay import topics
from camseg_ros.replay.command import run_command
from camseg_ros.replay.recording import JsonLines

DEFAULT_RATE_HZ = 5.0
FRAME_ID = "camera"

_SUBSCRIBER_TIMEOUT_S = 60.0
_SETTLE_S = 1.0
"""Each side of a connection finds the other by itself; this is for the subscriber to have found the publisher too, and,
at the end, for it to take the last frame before the memory it lies in goes with the process."""


class Player(Node):
    """Publishes frames on the camera's topic, best effort and depth 1 as camera drivers do."""

    def __init__(self) -> None:
        super().__init__("camseg_player")
        self._publisher = self.create_publisher(Image, topics.CAMERA, CAMERA_INPUT)

    def wait_for_subscriber(self) -> None:
        """Returns once somebody listens; raises CamsegError if nobody does for a minute."""
        give_up = time.monotonic() + _SUBSCRIBER_TIMEOUT_S
        while not self._publisher.get_subscription_count():
            if time.monotonic() > give_up:
                raise CamsegError(f"nobody subscribed to {topics.CAMERA} within {_SUBSCRIBER_TIMEOUT_S:g} s")
            time.sleep(0.05)
        time.sleep(_SETTLE_S)

    def send(self, image: np.ndarray) -> int:
        """Publishes (height, width, 3) uint8 RGB, stamped now.

        Returns:
            The stamp, nanoseconds since the epoch.
        """
        message = image_message(image, "rgb8", Header(frame_id=FRAME_ID))
        # Filled before the clock is read: a camera stamps when it exposes, and what follows counts as latency.
        stamp_ns = time.time_ns()
        message.header.stamp = time_message(stamp_ns)
        self._publisher.publish(message)
        return stamp_ns


def play(player: Player, source: FrameSource, rate_hz: float, log: JsonLines) -> None:
    """Sends every frame of ``source``, ``rate_hz`` a second and never two closer together.

    The next frame is decoded while its turn is awaited; where decoding takes longer than that, the frames come later.

    Args:
        player: what sends.
        source: what is sent.
        rate_hz: frames a second, above 0.
        log: gets one line for each frame sent: ``index`` and ``stamp_ns``.
    """
    due = time.monotonic()
    for index, frame in enumerate(tqdm(source, desc="playing", unit="frame", total=len(source), file=sys.stderr)):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + 1.0 / rate_hz
        log.write(index=index, stamp_ns=player.send(frame.image))


def run(
    images: Annotated[Path | None, typer.Option(help="Folder of frames, PNG or JPEG.")] = None,
    bag: Annotated[Path | None, typer.Option(help="rosbag2 folder or file, mcap or sqlite3.")] = None,
    topic: Annotated[str | None, typer.Option(help="The bag's camera topic; needed where it has several.")] = None,
    rate: Annotated[float, typer.Option(help="Frames a second.")] = DEFAULT_RATE_HZ,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the built-in clip.")] = 0,
    log: Annotated[Path, typer.Option(help="File for the stamps sent, JSON lines.")] = Path("sent.jsonl"),
) -> None:
    """Plays frames on /camera/image_raw as soon as somebody subscribes; with no option, the built-in clip."""
    source = open_source(images=images, bag=bag, topic=topic, rate_hz=rate, seed=seed)
    sent = JsonLines(log)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        player = Player()
        player.wait_for_subscriber()
        play(player, source, rate, sent)
        time.sleep(_SETTLE_S)
    finally:
        sent.close()
        rclpy.shutdown()


def main() -> None:
    """Entry point of camseg_player."""
    run_command("camseg_player", run)


if __name__ == "__main__":
    main()
