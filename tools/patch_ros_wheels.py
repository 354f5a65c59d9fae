"""Make the CMake files of the ROS 2 wheels in this virtual environment fit this machine.

The wheels' exported targets name the Python and numpy include folders of the machine that built them, such as
``/opt/python/cp311-cp311/include/python3.11``, and CMake refuses to generate while those do not exist.
Run with the interpreter of the virtual environment.
"""

import re
import sys
import sysconfig
from pathlib import Path

import numpy as np

PYTHON_INCLUDE = re.compile(r"/opt/python/cp\d+-cp\d+/include/python3\.\d+")
NUMPY_INCLUDE = re.compile(r"/opt/python/cp\d+-cp\d+/lib/python3\.\d+/site-packages/numpy/_core/include")


def patch(prefix: Path) -> int:
    """Rewrite the include folders in every CMake file below ``prefix/share``; returns how many files changed."""
    changed = 0
    for path in sorted(prefix.glob("share/**/*.cmake")):
        text = path.read_text()
        fitted = PYTHON_INCLUDE.sub(sysconfig.get_path("include"), text)
        fitted = NUMPY_INCLUDE.sub(np.get_include(), fitted)
        if fitted != text:
            path.write_text(fitted)
            changed += 1
    return changed


if __name__ == "__main__":
    print(f"setup: {patch(Path(sys.prefix))} CMake files of the ROS 2 wheels now name this machine's include folders")
