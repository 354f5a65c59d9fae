"""What calls the node's subscriptions, services and timers."""

from rclpy.context import Context
from rclpy.executors import Executor, SingleThreadedExecutor


def make_executor(context: Context | None = None) -> Executor:
    """An executor whose callbacks run one after the other, in the thread that spins it.

    It is the one that the middleware tells what came, where this rclpy has it: since 7.1.4, called experimental. The
    older one goes through every subscription, service and timer of the node after each message, in Python, which costs
    more than all else that receiving a frame takes (``camseg bench node``). Spin it with a timeout: without one it does
    not sleep where nothing comes (a wait until the largest time that there is ends at once).

    Args:
        context: of the nodes that it will serve; None for the global one.
    """
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)
