"""How the commands of a replay run and end: signals as exceptions, bad input as one line."""

import signal
import sys
from collections.abc import Callable

import typer

from camseg_core.errors import CamsegError


def run_command(name: str, function: Callable[..., None]) -> None:
    """Runs ``function`` with the options of the command line.

    Exit code: 0; 1 after bad input or where a file cannot be written, which is printed behind the command's name; 128
    plus its number after a signal.
    """
    end_on_signals()
    try:
        typer.run(function)
    except (CamsegError, OSError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def end_on_signals() -> None:
    """Lets SIGINT, SIGTERM and SIGHUP end this process by an exception, so that its children are ended first."""
    # SIGINT explicitly, because a shell starts background jobs with it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)
