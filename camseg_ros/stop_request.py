"""How a process hears that it shall end: by a signal, or of its own."""

import signal
import socket
from collections.abc import Callable, Sequence


class StopRequest:
    """Made once, by the main thread, which waits; any thread may ask whether it was set, or set it.

    It looks like a ``threading.Event`` that signal handlers set, and is none: a signal that comes while the main thread
    begins to wait for an event, or that Linux hands to another thread, only wakes it with the next signal; one that
    comes while it holds the event's lock stops it for good. A byte from C's side of Python's signal handler does not
    get lost.

    Args:
        numbers: the signals that set it, which do nothing else from now on.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = tuple(numbers)
        self._is_set = False
        self._receiver, self._sender = socket.socketpair()
        self._sender.setblocking(False)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in self._numbers:
            signal.signal(number, lambda *_: None)  # the byte says it all

    def is_set(self) -> bool:
        """Whether ``wait`` has seen that it was set."""
        return self._is_set

    def set(self) -> None:
        """As a signal would."""
        self._sender.send(bytes([self._numbers[0]]))

    def wait(self, before_others: Callable[[], None] = lambda: None) -> None:
        """Returns once one of the signals has come or ``set`` was called, also if that was before.

        Args:
            before_others: called before any thread can see that it was set.
        """
        while self._receiver.recv(1)[0] not in self._numbers:
            pass  # others may handle signals of their own
        before_others()
        self._is_set = True
