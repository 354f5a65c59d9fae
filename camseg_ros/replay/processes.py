"""Child processes that end with their parent, and whose failure is one clear error."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from camseg_core.errors import CamsegError

_END_WITH_PARENT = (sys.executable, "-m", "camseg_ros.replay.ends_with_parent")
_POLL_S = 0.1
_TAIL_LINES = 15
_GRACE_S = {signal.SIGINT: 15.0, signal.SIGTERM: 5.0}
"""How long each signal is given before the next."""


def _rest() -> None:
    time.sleep(_POLL_S)


class ChildError(CamsegError):
    """A child process ended that should not have, or did not do what was waited for."""


class Child:
    """One process in a session of its own: Ctrl-C in the terminal reaches only the parent, which then ends it.

    A parent that is killed ends nothing any more: SIGTERM comes from Linux then, to this process, not to whatever it
    started. So it does at the end of the thread that made the child, which therefore has to outlive it.

    Args:
        name: what errors call it.
        command: program and arguments.
        environment: its environment variables.
        log: file for what it prints; None leaves it on the terminal.
    """

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], log: Path | None) -> None:
        self.name = name
        self._log = log
        output = None if log is None else log.open("w")
        try:
            self._process = subprocess.Popen(
                [*_END_WITH_PARENT, str(os.getpid()), *command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Its exit code, negative where a signal ended it; None while it runs."""
        return self._process.poll()

    def failure(self) -> ChildError:
        """That it ended, with the end of its log."""
        text = f"{self.name} ended with exit code {self.exit_code()}"
        if self._log is None:
            return ChildError(f"{text}; what it printed is above")
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return ChildError("\n  ".join([f"{text}; the end of {self._log}:", *lines]))

    def kill(self) -> None:
        """Ends it and whatever it started, at once."""
        if self.exit_code() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Ends it and whatever it started: SIGINT, after a while SIGTERM, then SIGKILL."""
        for number, grace_s in _GRACE_S.items():
            if self.exit_code() is not None:
                return
            os.killpg(self._process.pid, number)
            try:
                self._process.wait(grace_s)
            except subprocess.TimeoutExpired:
                continue
        self.kill()


class Children:
    """Processes that live no longer than the ``with`` block, however it is left; if by a kill, see ``Child``.

    Args:
        environment: environment variables of all of them.
        log_folder: where their logs go.
    """

    def __init__(self, environment: dict[str, str], log_folder: Path) -> None:
        self._environment = environment
        self._log_folder = log_folder
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], on_terminal: bool = False) -> Child:
        """Starts a process; ``on_terminal`` leaves its output there, otherwise it goes to ``NAME.log``."""
        log = None if on_terminal else self._log_folder / f"{name}.log"
        child = Child(name, command, self._environment, log)
        self._children.append(child)
        return child

    def wait_until(
        self, condition: Callable[[], bool], what: str, timeout_s: float, meanwhile: Callable[[], None] = _rest
    ) -> None:
        """Returns once ``condition`` holds; calls ``meanwhile`` again and again until then.

        Raises:
            ChildError: a process ended meanwhile, or ``what`` did not come about within ``timeout_s`` seconds.
        """
        give_up = time.monotonic() + timeout_s
        while not condition():
            self.check()
            if time.monotonic() > give_up:
                names = ", ".join(child.name for child in self._children)
                raise ChildError(
                    f"waited {timeout_s:g} s in vain for {what}; running: {names}; logs: {self._log_folder}"
                )
            meanwhile()

    def check(self) -> None:
        """Raises ChildError where a process has ended."""
        for child in self._children:
            if child.exit_code() is not None:
                raise child.failure()

    def wait_for(self, child: Child, meanwhile: Callable[[], None] = _rest) -> None:
        """Returns once ``child`` has ended well; raises ChildError where it, or any other before it, ends otherwise."""
        while child.exit_code() is None:
            for other in self._children:
                if other.exit_code() is not None and other is not child:
                    raise other.failure()
            meanwhile()
        if child.exit_code() != 0:
            raise child.failure()
        self.forget(child)

    def forget(self, child: Child) -> None:
        """Lets the end of a child, whatever its exit code, be no failure."""
        self._children.remove(child)

    def stop_named(self, name: str) -> None:
        """Ends those of one name; that they end is no failure."""
        for child in [child for child in self._children if child.name == name]:
            child.stop()
            self.forget(child)

    def stop(self) -> None:
        """Ends them all, the last started first; a second Ctrl-C meanwhile ends them at once."""
        try:
            for child in reversed(self._children):
                child.stop()
        except BaseException:
            for child in self._children:
                child.kill()
            raise
        finally:
            self._children.clear()
