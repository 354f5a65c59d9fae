import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from camseg_ros.stop_request import StopRequest

NUMBERS = (signal.SIGUSR1, signal.SIGUSR2)
PATIENCE_S = 30.0


@pytest.fixture
def stop() -> Iterator[StopRequest]:
    handlers = {number: signal.getsignal(number) for number in NUMBERS}
    stop = StopRequest(NUMBERS)
    rescue = threading.Timer(PATIENCE_S, stop.set)
    rescue.start()
    yield stop
    was_in_time = rescue.is_alive()
    rescue.cancel()
    signal.set_wakeup_fd(-1)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert was_in_time, f"waited {PATIENCE_S:g} s in vain"


def in_a_thread(action: Callable[[], None], after_s: float = 0.2) -> threading.Thread:
    """Does it when the main thread waits."""

    def run() -> None:
        time.sleep(after_s)
        action()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("number", NUMBERS)
def test_signal_ends_the_wait(stop, number):
    assert not stop.is_set()
    thread = in_a_thread(lambda: os.kill(os.getpid(), number))
    stop.wait()
    assert stop.is_set()
    thread.join()


def test_signal_that_came_before_the_wait_ends_it(stop):
    os.kill(os.getpid(), NUMBERS[0])
    stop.wait()
    assert stop.is_set()


def test_signal_that_linux_hands_to_another_thread_ends_the_wait(stop):
    # A main thread that waits for a threading.Event sleeps on.
    thread = in_a_thread(lambda: signal.pthread_kill(threading.get_ident(), NUMBERS[0]))
    stop.wait()
    assert stop.is_set()
    thread.join()


def test_thread_ends_the_wait(stop):
    thread = in_a_thread(stop.set)
    stop.wait()
    assert stop.is_set()
    thread.join()


def test_other_signals_of_the_process_do_not_end_the_wait(stop):
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    try:
        os.kill(os.getpid(), signal.SIGWINCH)
        started_s = time.monotonic()
        thread = in_a_thread(stop.set, after_s=0.3)
        stop.wait()
        assert time.monotonic() - started_s >= 0.3
        thread.join()
    finally:
        signal.signal(signal.SIGWINCH, before)


def test_nobody_sees_it_before_what_has_to_be_done_first_is_done(stop):
    seen = []
    stop.set()
    stop.wait(before_others=lambda: seen.append(stop.is_set()))
    assert seen == [False]
    assert stop.is_set()
