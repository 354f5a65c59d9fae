"""``camseg_node`` with FakeEngine as a process of its own; the first argument is its inference time in seconds.

FAKE_LOAD_S in the environment: how long it takes to load, seconds. FAKE_END_HANGS: it ends as a driver that hangs does.
"""

import ctypes
import os
import sys

from fake_engine import FakeEngine

from camseg_ros.segmentation_node import main


def hang():
    ctypes.PyDLL(None).sleep(3600)  # with Python's lock held: no thread of this process gets it any more


def make_engine(settings):
    engine = FakeEngine(settings, inference_s, load_s)
    if "FAKE_END_HANGS" in os.environ:
        engine.close = hang
    return engine


if __name__ == "__main__":
    inference_s, load_s = float(sys.argv.pop(1)), float(os.environ.get("FAKE_LOAD_S", "0"))
    main(make_engine)
