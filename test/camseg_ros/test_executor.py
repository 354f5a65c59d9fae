"""The executor of the node: one with events where rclpy has it, the older one elsewhere; both call what came."""

import sys

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import String

from camseg_ros.executor import make_executor

pytestmark = pytest.mark.ros


@pytest.fixture
def context(ros_domain):
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    yield context
    rclpy.shutdown(context=context)


@pytest.mark.parametrize("has_events", [True, False])
def test_messages_are_handed_over(context, monkeypatch, has_events):
    if has_events:
        pytest.importorskip("rclpy.experimental")
    else:
        monkeypatch.setitem(sys.modules, "rclpy.experimental", None)
    executor = make_executor(context)
    assert isinstance(executor, SingleThreadedExecutor) != has_events
    node = rclpy.create_node("listener", context=context)
    received = []
    node.create_subscription(String, "words", received.append, 10)
    publisher = node.create_publisher(String, "words", 10)
    executor.add_node(node)
    for _ in range(1000):
        publisher.publish(String(data="hello"))
        executor.spin_once(timeout_sec=0.1)
        if received:
            break
    assert received[0].data == "hello"
    executor.shutdown()
    node.destroy_node()
