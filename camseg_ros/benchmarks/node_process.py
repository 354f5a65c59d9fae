"""camseg_node as it is, with a log of what each frame costs the thread that receives."""

import signal
import sys
import threading
import time
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

from camseg_ros.executor import make_executor
from camseg_ros.lifecycle_node import SegmentationNode
from camseg_ros.replay.recording import JsonLines


def run(log: Path, stop: threading.Event) -> None:
    """Serves until ``stop``; writes a line for each frame received.

    Its fields: ``at_ns`` on the monotonic clock, and ``receiving_ms``, the processor time of this thread for waiting,
    taking the message from the middleware, reading its header and handing it on. Processor time, because the wall's
    counts the wait for the frame; nothing in it is done by other threads.
    """
    lines = JsonLines(log)
    node = SegmentationNode()
    node.start()
    assert node.segmenter is not None
    (camera,) = node.segmenter.cameras
    executor = make_executor()
    executor.add_node(node)
    while not stop.is_set():
        received = node.segmenter.counts(camera.name).received
        started_s = time.thread_time()
        executor.spin_once(timeout_sec=0.1)
        receiving_s = time.thread_time() - started_s
        if node.segmenter.counts(camera.name).received > received:
            lines.write(at_ns=time.monotonic_ns(), receiving_ms=1e3 * receiving_s)
    lines.close()
    node.close(timeout_s=5.0)


def main() -> None:
    """Entry point: the log's path, then ROS arguments."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    rclpy.init(args=sys.argv[2:], signal_handler_options=SignalHandlerOptions.NO)
    run(Path(sys.argv[1]), stop)
    rclpy.shutdown()


if __name__ == "__main__":
    main()
