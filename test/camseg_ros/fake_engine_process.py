"""``camseg_node`` with FakeEngine as a process of its own; the first argument is its inference time in seconds.

FAKE_LOAD_S in the environment: how long it takes to load, seconds.
"""

import os
import sys

from camseg_ros.segmentation_node import main


def make_engine(settings):
    # Imported late, as the node imports its engine: what is in here loads torch.
    from fake_engine import FakeEngine

    return FakeEngine(settings, inference_s, load_s)


if __name__ == "__main__":
    inference_s, load_s = float(sys.argv.pop(1)), float(os.environ.get("FAKE_LOAD_S", "0"))
    main(make_engine)
