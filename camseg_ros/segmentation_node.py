"""``camseg_node``: the process around the node, from its start to its exit code."""

import gc
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, NoReturn

# Nothing here imports rclpy or torch at the top: both take seconds to load, and Ctrl-C must be answered during them.
from camseg_core.errors import CamsegError, ConfigurationError

if TYPE_CHECKING:
    from camseg_ros.lifecycle_node import EngineFactory

FRAME_TIMEOUT_S = 1.0
"""How long the frames in work may take when the process ends."""

END_TIMEOUT_S = 1.6
"""How long the ending of a node that serves may take; one that is still starting is not waited for."""


def main(engine_factory: "EngineFactory | None" = None) -> NoReturn:
    """Runs the node until Ctrl-C or SIGTERM. Exit code: 0 after a signal, 1 where the node cannot start.

    Args:
        engine_factory: as for ``SegmentationNode``.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # All of ROS runs in a thread, so that this one can answer a signal at any time, also while a model loads.
    process = NodeProcess(stop, engine_factory)
    thread = threading.Thread(target=process.run, name="camseg_node", daemon=True)
    thread.start()
    stop.wait()
    if process.is_serving:
        thread.join(END_TIMEOUT_S)
    sys.stdout.flush()
    sys.stderr.flush()
    # Tearing down an interpreter with torch in it would take seconds on a busy machine, and must not be done at all
    # under a thread that still computes.
    os._exit(process.exit_code)


class NodeProcess:
    """The node from its making to its end.

    Args:
        stop: set by whoever wants it to end; set by itself where it ends of its own.
        engine_factory: as for ``SegmentationNode``.
    """

    def __init__(self, stop: threading.Event, engine_factory: "EngineFactory | None") -> None:
        self.exit_code = 0
        self.is_serving = False
        self._stop = stop
        self._engine_factory = engine_factory

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
            gc.collect()
            self._stop.set()

    def _serve(self) -> None:
        import rclpy

        _init_rclpy()
        from camseg_ros.executor import make_executor
        from camseg_ros.lifecycle_node import SegmentationNode

        node = SegmentationNode(self._engine_factory)
        if node.starts_by_itself:
            node.start()
        executor = make_executor()
        executor.add_node(node)
        self.is_serving = True
        while not self._stop.is_set():
            executor.spin_once(timeout_sec=0.1)
        if node.close(FRAME_TIMEOUT_S):
            executor.shutdown()
            node.destroy_node()
            rclpy.shutdown()

    def _fail(self, reason: str) -> None:
        if self._stop.is_set():
            return  # what was interrupted may fail in any way
        from rclpy.logging import get_logger

        get_logger("camseg").fatal(reason)
        self.exit_code = 1


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
