"""Plays the cameras of a bag as ``ros2 bag play`` does: at the times of the recording, with their own stamps."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import rclpy
import typer
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from tqdm import tqdm

from camseg_core.data.sources.bag_images import COMPRESSED_IMAGE_TYPE, BagImages, BagMessage, bag_topics
from camseg_core.errors import CamsegError
from camseg_core.replay.settings import Playback
from camseg_ros.conversion import deserialize, stamp_ns, time_message
from camseg_ros.qos import CAMERA_INPUT
from camseg_ros.replay.command import run_command
from camseg_ros.replay.recording import JsonLines

_DEFAULT = Playback()
_SUBSCRIBER_TIMEOUT_S = 60.0
_SETTLE_S = 1.0
"""As for the demo's player: discovery at the beginning, the last frame's way at the end."""


@dataclass(frozen=True)
class Tick:
    """A moment at which ``/clock`` is published; nanoseconds on the recording's clock."""

    time_ns: int


class BagPlayer(Node):
    """Publishes recorded images, unread, on their own topics, and the clock of the recording."""

    def __init__(self, images: BagImages) -> None:
        """Makes a publisher for each topic of ``images``."""
        super().__init__("camseg_bag_player")
        types = {
            topic: CompressedImage if bag_topics(images.path)[topic].type == COMPRESSED_IMAGE_TYPE else Image
            for topic in images.topics
        }
        self._images = {topic: self.create_publisher(kind, topic, CAMERA_INPUT) for topic, kind in types.items()}
        self._time_publisher = self.create_publisher(Clock, "/clock", CAMERA_INPUT)

    def wait_for_subscribers(self) -> None:
        """Returns once somebody listens to each camera; raises CamsegError if nobody does for a minute."""
        give_up = time.monotonic() + _SUBSCRIBER_TIMEOUT_S
        while unheard := [topic for topic, publisher in self._images.items() if not publisher.get_subscription_count()]:
            if time.monotonic() > give_up:
                raise CamsegError(f"nobody subscribed to {', '.join(unheard)} within {_SUBSCRIBER_TIMEOUT_S:g} s")
            time.sleep(0.05)
        time.sleep(_SETTLE_S)

    def send(self, message: BagMessage) -> None:
        """Publishes an image as it was recorded."""
        self._images[message.topic].publish(message.data)

    def tell_time(self, time_ns: int) -> None:
        """Publishes the time of the recording."""
        self._time_publisher.publish(Clock(clock=time_message(time_ns)))


def schedule(messages: Iterable[BagMessage], playback: Playback) -> Iterator[BagMessage | Tick]:
    """The messages, and before each the ticks of the clock that come until then.

    Ticks are as far apart by the wall's clock as the set rate says, and ``rate`` times that in the recording.
    """
    period_ns = round(1e9 / playback.clock_hz * playback.rate) if playback.clock_hz else 0
    tick_ns = None
    for message in messages:
        if period_ns:
            tick_ns = message.received_ns if tick_ns is None else tick_ns
            while tick_ns <= message.received_ns:
                yield Tick(tick_ns)
                tick_ns += period_ns
        yield message


def play(player: BagPlayer, images: BagImages, playback: Playback, log: JsonLines) -> None:
    """Sends everything at its time; what comes late is sent at once, and what follows keeps its own time.

    ``log`` gets one line before each image: ``number`` among all images sent, ``topic``, ``stamp_ns`` and
    ``received_ns`` as recorded, ``sent_ns`` by the system's clock.
    """
    passes = 0
    while passes == 0 or playback.loop:
        with tqdm(desc="playing", unit="frame", total=len(images), file=sys.stderr) as progress:
            start_s, start_ns = time.monotonic(), None
            for event in schedule(images.raw(), playback):
                time_ns = _time_ns(event)
                start_ns = time_ns if start_ns is None else start_ns
                due_s = start_s + (time_ns - start_ns) / 1e9 / playback.rate
                time.sleep(max(0.0, due_s - time.monotonic()))
                if isinstance(event, Tick):
                    player.tell_time(event.time_ns)
                    continue
                number = passes * len(images) + event.number
                log.write(
                    number=number,
                    topic=event.topic,
                    stamp_ns=stamp_ns(deserialize(event.data, Header).stamp),
                    received_ns=event.received_ns,
                    sent_ns=time.time_ns(),
                )
                player.send(event)
                progress.update()
        passes += 1


def _time_ns(event: BagMessage | Tick) -> int:
    return event.time_ns if isinstance(event, Tick) else event.received_ns


def run(
    bag: Annotated[Path, typer.Argument(help="rosbag2 folder or file, mcap or sqlite3.")],
    topic: Annotated[list[str], typer.Option(help="A camera's topic; may be repeated.")],
    rate: Annotated[float, typer.Option(help="Multiple of the recording's speed.")] = _DEFAULT.rate,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until Ctrl-C.")] = _DEFAULT.loop,
    clock: Annotated[float, typer.Option(help="How often to publish /clock, Hz; 0: never.")] = _DEFAULT.clock_hz,
    log: Annotated[Path, typer.Option(help="File for what was sent when, JSON lines.")] = Path("sent.jsonl"),
) -> None:
    """Plays the cameras of a bag on their topics as soon as somebody subscribes to each."""
    playback = Playback(rate, loop, clock)
    images = BagImages(bag, topic)
    sent = JsonLines(log)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        player = BagPlayer(images)
        player.wait_for_subscribers()
        play(player, images, playback, sent)
        time.sleep(_SETTLE_S)
    finally:
        sent.close()
        rclpy.shutdown()


def main() -> None:
    """Entry point of the process."""
    run_command("camseg_bag_player", run)


if __name__ == "__main__":
    main()
