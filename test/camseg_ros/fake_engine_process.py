"""``camseg_node`` with FakeEngine as a process of its own; the first argument is its inference time in seconds."""

import functools
import sys

from fake_engine import FakeEngine

from camseg_ros.segmentation_node import main

if __name__ == "__main__":
    inference_s = float(sys.argv.pop(1))
    main(functools.partial(FakeEngine, inference_s=inference_s))
