"""Start and end of the node as a process: parameters, signals, exit codes."""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from ros_harness import NodeProcess, Peer, frame_message, random_pixels

pytestmark = pytest.mark.ros

SHARED_MEMORY = Path("/dev/shm")
SEGMENT_BYTES = 1_000_000
"""Less than a segment of Fast DDS takes, more than its ports."""


def segments() -> set[str]:
    """Names of the shared memory that Fast DDS holds messages in, of whatever runs on this machine."""
    names = set()
    for path in SHARED_MEMORY.glob("fastrtps_*"):
        with contextlib.suppress(FileNotFoundError):  # of another node, which has ended since
            if path.stat().st_size > SEGMENT_BYTES:
                names.add(path.name)
    return names


def left_behind(before: set[str]) -> set[str]:
    """Segments that came since and that no process holds; others may run nodes meanwhile."""
    new = segments() - before
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):  # it has ended since, or is not ours to read
            mapped = set(maps.read_text().split())
            new = {name for name in new if str(SHARED_MEMORY / name) not in mapped}
    return new & segments()


def shared_memory_of(node: NodeProcess) -> set[Path]:
    """What a running node has of it of Fast DDS: its own, and that of others in its domain."""
    mapped = Path(f"/proc/{node.pid}/maps").read_text().split()
    return {path for path in SHARED_MEMORY.glob("fastrtps_*") if str(path) in mapped}


def remove(left: set[Path]) -> None:
    """What a node that could not end by itself has left."""
    for path in left:
        path.unlink(missing_ok=True)


def segments_held_by(node: NodeProcess, before: set[str]) -> set[Path]:
    """Those that a running node alone in its domain has made; skips the test where its middleware makes none.

    Unlike ``segments() - before`` they are none of nodes that others run meanwhile.
    """
    held = {SHARED_MEMORY / name for name in segments() - before} & shared_memory_of(node)
    if not held:
        pytest.skip("this middleware holds no messages in shared memory")
    return held


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_node_with_a_summary_and_exit_code_0(start_node, peer, number):
    node = start_node()
    peer.subscribe("mask")
    peer.wait_for_node()
    assert node.stop(number) == 0
    assert "frames received " in node.log()
    assert "Traceback" not in node.log()


def test_closed_terminal_does_not_end_a_node_under_nohup(start_node, peer):
    # As nohup does: what is ignored here is ignored in the child.
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        node = start_node()
    finally:
        signal.signal(signal.SIGHUP, before)
    node.wait_for_log("active: listening")
    os.kill(node.pid, signal.SIGHUP)
    assert peer.state() == "active"
    assert node.stop() == 0


def test_signal_ends_the_node_while_a_frame_is_in_work(start_node, peer):
    node = start_node(inference_s=3600.0)
    peer.subscribe("mask")
    peer.wait_for_node(outputs=False)
    peer.publish(frame_message(random_pixels(), stamp_ns=2))
    peer.wait_until_counted(lambda values: values["pending"] == "1")
    assert node.stop() == 0
    assert "camera: frames received 1, processed 0, dropped 0 " in node.log()
    assert "failed 0, unfinished 1" in node.log()


def test_signal_while_starting_is_no_error(start_node):
    node = start_node("--ros-args", "--log-level", "debug")
    node.wait_for_log("rcl")  # the node is being made
    assert node.stop() == 0
    assert "Traceback" not in node.log()


def test_signal_ends_the_node_whichever_thread_linux_hands_it_to(start_node):
    node = start_node()
    node.wait_for_log("active: listening")
    others = {int(path.name) for path in Path(f"/proc/{node.pid}/task").iterdir()} - {node.pid}
    assert ctypes.CDLL(None).tgkill(node.pid, min(others), signal.SIGINT) == 0
    assert node.wait() == 0
    assert "frames received " in node.log()


def test_an_ending_that_hangs_in_a_driver_is_broken_off_and_says_where(start_node, monkeypatch):
    monkeypatch.setenv("FAKE_END_HANGS", "1")
    node = start_node()
    node.wait_for_log("active: listening")
    held = shared_memory_of(node)
    node.send_signal()
    assert node.wait() == 1
    assert "in hang" in node.log()
    remove(held)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("steps:=0", "parameter 'steps' is 0; expected an integer from 1 to 1000"),
        ("model:=no-such-model", "model 'no-such-model'"),
    ],
)
def test_parameter_that_cannot_be_used_ends_the_node_with_its_name_and_value(start_node, parameter, said):
    node = start_node("--ros-args", "-p", parameter, inference_s=None)
    assert node.wait() == 1
    assert node.log().count("[FATAL]") == 1
    assert said in node.log()
    assert "Traceback" not in node.log()


def test_missing_parameter_file_ends_the_node_with_its_name(start_node):
    node = start_node("--ros-args", "--params-file", "/no/such.yaml")
    assert node.wait() == 1
    assert "/no/such.yaml" in node.log()
    assert "Traceback" not in node.log()


def test_a_node_that_ends_leaves_no_shared_memory(start_node):
    before = segments()
    node = start_node()
    node.wait_for_log("active: listening")
    held = segments_held_by(node, before)
    assert node.stop() == 0
    assert [path for path in held if path.exists()] == []


def test_a_node_that_cannot_start_leaves_no_shared_memory(start_node):
    before = segments()
    node = start_node("--ros-args", "-p", "model:=no-such-model", inference_s=None)
    assert node.wait() == 1
    assert left_behind(before) == set()


def test_signal_while_the_model_loads_for_a_lifecycle_manager_is_no_error(start_node, ros_domain):
    node = start_node("--ros-args", "-p", "autostart:=false", load_s=3600.0)
    with Peer(ros_domain) as manager:
        manager.ask(ChangeState, "change_state", transition=Transition(label="configure"))
        node.wait_for_log("loading model")
        held = shared_memory_of(node)
        assert node.stop() == 0
    assert "Traceback" not in node.log()
    remove(held)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_while_the_model_loads_is_no_error_and_leaves_no_shared_memory(start_node, number):
    before = segments()
    node = start_node(load_s=3600.0)
    node.wait_for_log("loading model")
    held = segments_held_by(node, before)
    assert node.stop(number) == 0
    assert "Traceback" not in node.log()
    assert [path for path in held if path.exists()] == []


def test_a_node_that_is_ended_while_a_frame_is_in_work_leaves_no_shared_memory(start_node, ros_domain):
    before = segments()
    node = start_node(inference_s=3600.0)
    node.wait_for_log("active: listening")
    held = segments_held_by(node, before)
    with Peer(ros_domain) as peer:
        peer.wait_for_node(outputs=False)
        peer.publish(frame_message(random_pixels(), stamp_ns=2))
        peer.wait_until_counted(lambda values: values["pending"] == "1")
        assert node.stop() == 0
    assert "unfinished 1" in node.log()
    assert [path for path in held if path.exists()] == []
