"""``camseg_node``: the process around the node, from its start to its exit code."""

import contextlib
import faulthandler
import gc
import os
import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, NoReturn

# Nothing here imports rclpy or torch at the top: both take seconds to load, and Ctrl-C must be answered during them.
from camseg_core.errors import CamsegError, ConfigurationError
from camseg_ros.stop_request import StopRequest

if TYPE_CHECKING:
    from camseg_core.runtime.engine import InferenceEngine
    from camseg_core.runtime.settings import EngineSettings
    from camseg_ros.lifecycle_node import EngineFactory, SegmentationNode

FRAME_TIMEOUT_S = 1.0
"""How long the frames in work may take when the process ends."""

END_TIMEOUT_S = 6.0
"""How long the ending of a node may take, on a machine that is busy; the loading of a model is not waited for."""

HANG_TIMEOUT_S = 8.0
"""After how long an ending that hangs in foreign code, with Python's lock held, is broken off: exit code 1, and where
every thread stood. ``ros2 launch`` would kill the process after 10 s, and nobody would know why. Where the lock is held
already when the signal comes, nothing of Python's can answer it, and that is still what happens."""

_STDERR = 2


def main(engine_factory: "EngineFactory | None" = None) -> NoReturn:
    """Runs the node until Ctrl-C, SIGTERM or SIGHUP.

    Exit code: 0 after a signal, 1 where the node cannot start, or where it hangs as it ends, see HANG_TIMEOUT_S.

    Args:
        engine_factory: as for ``SegmentationNode``.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup the node outlives its terminal
        numbers.append(signal.SIGHUP)
    stop = StopRequest(numbers)
    # All of ROS runs in a thread, so that this one can answer a signal at any time, also while a model loads.
    process = NodeProcess(stop, engine_factory)
    thread = threading.Thread(target=process.run, name="camseg_node", daemon=True)
    thread.start()
    # By number, because sys.stderr is None where a node was started without one.
    stop.wait(before_others=lambda: faulthandler.dump_traceback_later(HANG_TIMEOUT_S, exit=True, file=_STDERR))
    process.leave(END_TIMEOUT_S)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # Tearing down an interpreter with torch in it would take seconds on a busy machine, and must not be done at all
    # under a thread that still computes.
    os._exit(process.exit_code)


class NodeProcess:
    """The node from its making to its end.

    Args:
        stop: set by whoever wants it to end; set by itself where it ends of its own.
        engine_factory: as for ``SegmentationNode``.
    """

    def __init__(self, stop: StopRequest, engine_factory: "EngineFactory | None") -> None:
        self.exit_code = 0
        self._stop = stop
        self._engine_factory = engine_factory
        self._node: SegmentationNode | None = None
        self._is_served = False
        self._loads_for_manager = False
        # Held by the thread of ``run`` while there is a node, save while a model loads at the start: what is destroyed
        # while another thread uses it would end the process by a signal.
        self._uses_ros = threading.Lock()

    def run(self) -> None:
        """Returns when the node has ended."""
        try:
            self._serve()
        except CamsegError as error:
            self._fail(str(error))
        except Exception:
            self._fail(traceback.format_exc())
        finally:
            # The node is in cycles of references, and with it its part of DDS, whose 70 MB of shared memory would
            # outlive the process.
            self._node = None
            gc.collect()
            with contextlib.suppress(RuntimeError):  # not held where no node could be made
                self._uses_ros.release()
            self._stop.set()

    def leave(self, timeout_s: float) -> None:
        """Waits until the node has left DDS, which it is made to do here where its model still loads.

        To be called from another thread than that of ``run``, which does nothing more then: loading takes seconds and
        cannot be interrupted. A node that loads for a lifecycle manager, whose executor holds on to it, does not leave
        and is not waited for: there is no summary, and its shared memory stays.

        Args:
            timeout_s: how long to wait for all of it, seconds.
        """
        if self._loads_for_manager:
            return
        deadline_s = time.monotonic() + timeout_s
        if self._uses_ros.acquire(timeout=timeout_s) and self._node is not None:
            thread = threading.Thread(target=_leave_dds, args=(self._node,), name="camseg_leaving", daemon=True)
            thread.start()
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _serve(self) -> None:
        import rclpy

        _init_rclpy()
        from camseg_ros.executor import make_executor
        from camseg_ros.lifecycle_node import SegmentationNode

        self._uses_ros.acquire()
        node = self._node = SegmentationNode(self._load)
        if node.starts_by_itself and not self._stop.is_set():
            node.start()
        executor = make_executor()
        executor.add_node(node)
        self._is_served = True
        while not self._stop.is_set():
            executor.spin_once(timeout_sec=0.1)
        # Also under a frame that is still in work: it finds nothing more to publish to, and only ends later.
        node.close(FRAME_TIMEOUT_S)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()

    def _load(self, settings: "EngineSettings") -> "InferenceEngine":
        from camseg_ros import lifecycle_node

        make_engine = self._engine_factory or lifecycle_node.make_engine
        if self._is_served:
            self._loads_for_manager = True
            try:
                return make_engine(settings)
            finally:
                self._loads_for_manager = False
        self._uses_ros.release()
        try:
            return make_engine(settings)
        finally:
            self._uses_ros.acquire()  # never, once the node has been left

    def _fail(self, reason: str) -> None:
        if self._stop.is_set():
            return  # what was interrupted may fail in any way
        from rclpy.logging import get_logger

        get_logger("camseg").fatal(reason)
        self.exit_code = 1


def _leave_dds(node: "SegmentationNode") -> None:
    import rclpy

    with contextlib.suppress(Exception):  # the process ends in any case
        node.destroy_node()
        rclpy.shutdown()


def _init_rclpy() -> None:
    """Reads the ROS arguments; raises ConfigurationError where they cannot be parsed."""
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    try:
        # Without rclpy's own signal handlers, which invalidate the context before the summary is logged.
        rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # rclpy's C++ part raises types of its own, which it does not export
        raise ConfigurationError(f"ROS arguments {' '.join(sys.argv[1:])!r}: {error}") from error


if __name__ == "__main__":
    main()
