"""Becomes a command that Linux asks to end, by SIGTERM, when the process that started it ends, be it killed.

    python -m camseg_ros.replay.ends_with_parent PARENT COMMAND...

A program rather than a function between fork and exec: there a parent with threads, as rclpy makes them, may run no
Python.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h; what it sets outlasts exec."""


def main() -> None:
    """Arguments: the parent's process id, then the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux alone has it
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # otherwise it ended before the signal was asked for
        os.execvp(command[0], command)


if __name__ == "__main__":
    main()
