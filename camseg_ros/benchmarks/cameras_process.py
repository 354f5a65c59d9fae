"""Cameras that send at a steady rate whatever becomes of it, until they are ended."""

import sys
import time
from pathlib import Path
from typing import Annotated

import rclpy
import typer
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from camseg_ros.benchmarks.noise import random_image, stamped_image
from camseg_ros.qos import CAMERA_INPUT
from camseg_ros.replay.command import run_command
from camseg_ros.replay.recording import JsonLines

_IMAGES = 4
"""Different ones in turn, so that no frame is the one before."""

_STAMP_AT = 4
"""Where a serialised message with a header holds its stamp: two numbers of four bytes, behind four bytes of CDR."""


def run(
    topic: Annotated[list[str], typer.Option(help="A camera's topic; may be repeated.")],
    height: Annotated[int, typer.Option(help="Pixels.")],
    width: Annotated[int, typer.Option(help="Pixels.")],
    rate: Annotated[float, typer.Option(help="Frames a second of each camera.")],
    log: Annotated[Path, typer.Option(help="File for the number sent of each camera, JSON lines, twice a second.")],
    seconds: Annotated[float, typer.Option(help="How long; 0: until it is ended.")] = 0.0,
) -> None:
    """Sends noise in rgb8, best effort and depth 1 as camera drivers do."""
    messages = [bytearray(stamped_image(random_image(height, width, seed), 0)) for seed in range(_IMAGES)]
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("camseg_cameras")
    publishers = [node.create_publisher(Image, name, CAMERA_INPUT) for name in topic]
    lines = JsonLines(log)
    started_s = due_s = time.monotonic()
    told_s, sent = started_s, 0
    while not seconds or time.monotonic() < started_s + seconds:
        time.sleep(max(0.0, due_s - time.monotonic()))
        for publisher in publishers:
            message = messages[sent % _IMAGES]
            seconds_part, nanoseconds = divmod(time.time_ns(), 10**9)
            message[_STAMP_AT : _STAMP_AT + 8] = seconds_part.to_bytes(4, sys.byteorder) + nanoseconds.to_bytes(
                4, sys.byteorder
            )
            publisher.publish(bytes(message))
        sent += 1
        # A machine that is too slow for the rate sends late, not in bursts.
        due_s = max(due_s + 1.0 / rate, time.monotonic() - 1.0 / rate)
        if time.monotonic() - told_s >= 0.5:
            told_s = time.monotonic()
            lines.write(sent=sent, seconds=told_s - started_s)
    lines.write(sent=sent, seconds=time.monotonic() - started_s)
    time.sleep(1.0)  # the last frame lies in memory that goes with this process
    rclpy.shutdown()


def main() -> None:
    """Entry point of the process."""
    run_command("camseg_cameras", run)


if __name__ == "__main__":
    main()
