"""Real rclpy over real DDS: each test in a ROS domain of its own. Without ROS, the tests that need it are left out."""

import fcntl
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from ros_harness import LocalNode, NodeProcess, Peer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ROS_FREE = {"test_worker.py", "test_work_times.py", "test_failure_log.py", "test_stop_request.py"}
settings.register_profile("long", max_examples=1700)  # pytest --hypothesis-profile=long

HAS_ROS = all(importlib.util.find_spec(name) for name in ("rclpy", "camseg_ros.msg"))

# pytest's importlib mode puts no folder on the path, but the tests here share ros_harness and fake_engine.
sys.path.insert(0, str(HERE))

collect_ignore = [] if HAS_ROS else [path.name for path in HERE.glob("test_*.py") if path.name not in ROS_FREE]


def pytest_report_header() -> str:
    return "ROS: rclpy and camseg_ros.msg " + (
        "found" if HAS_ROS else "not found, node tests are left out; `make test` sets them up"
    )


@pytest.fixture(scope="session")
def transport() -> Iterator[None]:
    """Our Fast DDS profile, and no talk with other machines, here and in the processes started from here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", str(ROOT / "config" / "fastdds.xml"))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        yield


@pytest.fixture
def ros_domain(transport) -> Iterator[int]:
    """A ROS domain for one test."""
    with claimed_domain() as domain:
        yield domain


@pytest.fixture
def peer(ros_domain) -> Iterator["Peer"]:
    from ros_harness import Peer

    with Peer(ros_domain) as peer:
        yield peer


@pytest.fixture
def start_node(ros_domain, tmp_path) -> Iterator[Callable[..., "NodeProcess"]]:
    """Starts nodes with FakeEngine, or as users start them where ``inference_s`` is None, in the test's domain."""
    from ros_harness import NodeProcess

    with ExitStack() as running:

        def start(*arguments: str, inference_s: float | None = 0.0, load_s: float = 0.0) -> NodeProcess:
            node = NodeProcess(ros_domain, tmp_path / "node.log", arguments, inference_s, load_s)
            return running.enter_context(node)

        yield start


@pytest.fixture
def make_local_node(ros_domain) -> Iterator[Callable[..., "LocalNode"]]:
    """Makes nodes in this process, in the test's domain; arguments are those of LocalNode."""
    from ros_harness import LocalNode

    with ExitStack() as running:

        def make(**arguments: object) -> LocalNode:
            return running.enter_context(LocalNode(ros_domain, **arguments))

        yield make


@pytest.fixture(scope="module")
def shared_domain(transport) -> Iterator[int]:
    """A ROS domain for one module."""
    with claimed_domain() as domain:
        yield domain


@pytest.fixture(scope="module")
def shared_node(transport, tmp_path_factory) -> Iterator["NodeProcess"]:
    """One node with FakeEngine for all tests that neither configure nor stop it."""
    from ros_harness import NodeProcess

    with claimed_domain() as domain, NodeProcess(domain, tmp_path_factory.mktemp("shared") / "node.log") as node:
        yield node


@pytest.fixture
def shared_peer(shared_node) -> Iterator["Peer"]:
    """A new peer of the shared node."""
    from ros_harness import Peer

    with Peer(shared_node.domain) as peer:
        yield peer


@contextmanager
def claimed_domain() -> Iterator[int]:
    """A ROS domain that no other test on this machine uses now."""
    for domain in range(1, 100):
        with (Path(tempfile.gettempdir()) / f"camseg_test_domain_{domain}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    raise RuntimeError("all ROS domains are in use by other tests")
