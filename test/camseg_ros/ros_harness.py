"""The node as a process, and a peer that talks to it over real DDS."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fake_engine import FakeEngine
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from camseg_core.runtime.settings import EngineSettings
from camseg_ros.borrowed_messages import Float64Stamped
from camseg_ros.conversion import image_message, time_message
from camseg_ros.executor import make_executor
from camseg_ros.lifecycle_node import EngineFactory, SegmentationNode
from camseg_ros.publication import OUTPUT_TYPES
from camseg_ros.worker import FrameCounts

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0
"""How long to wait for what must happen; generous, for a machine that is busy with something else."""

STOP_PATIENCE_S = 30.0

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
OUTPUTS = {name: kind for name, kind in OUTPUT_TYPES.items() if name != "camera_info"}
"""What is published of every frame; camera_info is where the camera has one."""


def frame_message(pixels: np.ndarray, stamp_ns: int, frame_id: str = "front_optical") -> Image:
    """A camera's rgb8 image."""
    return image_message(pixels, "rgb8", Header(stamp=time_message(stamp_ns), frame_id=frame_id))


def random_pixels(height: int = 48, width: int = 64, seed: int = 0) -> np.ndarray:
    """An image that FakeEngine can read, with a drift score of 7."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[0, 0] = (1, 7, 0)
    return pixels


class NodeProcess:
    """A running node and what it logged."""

    def __init__(
        self,
        domain: int,
        log: Path,
        arguments: Sequence[str] = (),
        inference_s: float | None = 0.0,
        load_s: float = 0.0,
    ) -> None:
        """With FakeEngine, or as users start it where ``inference_s`` is None."""
        self.domain = domain
        self._log = log
        module = ["-m", "camseg_ros.segmentation_node"]
        fake = [str(Path(__file__).with_name("fake_engine_process.py")), str(inference_s)]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [sys.executable, *(module if inference_s is None else fake), *arguments],
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=os.environ | {"ROS_DOMAIN_ID": str(domain), "FAKE_LOAD_S": str(load_s)},
            )

    def __enter__(self) -> "NodeProcess":
        return self

    def __exit__(self, *_: object) -> None:
        # A node that is killed leaves its shared memory behind.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self._log.read_text()

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.log():
            assert self._process.poll() is None, f"the node ended before it said {text!r}:\n{self.log()}"
            assert time.monotonic() < deadline, f"the node never said {text!r}:\n{self.log()}"
            time.sleep(0.05)

    def send_signal(self, number: int = signal.SIGINT) -> None:
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Sends the signal and returns the exit code; a node on an idle machine takes under 2 s."""
        self.send_signal(number)
        return self._exit_code(STOP_PATIENCE_S)

    def wait(self) -> int:
        return self._exit_code(PATIENCE_S)

    def _exit_code(self, patience_s: float) -> int:
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the node did not end within {patience_s:.0f} s:\n{self.log()}") from None


class LocalNode:
    """A node in this process, with FakeEngine or another engine, and an executor in a thread of its own."""

    def __init__(
        self,
        domain: int,
        inference_s: float = 0.0,
        ros_arguments: Sequence[str] = (),
        engine_factory: EngineFactory | None = None,
        **parameters: object,
    ) -> None:
        self._context = rclpy.Context()
        rclpy.init(args=["--ros-args", *ros_arguments], context=self._context, domain_id=domain)
        self.engines: list[FakeEngine] = []
        """Those that were made, oldest first; none with an ``engine_factory``."""
        self._inference_s = inference_s
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        self.node = SegmentationNode(
            engine_factory or self._make_engine, context=self._context, parameter_overrides=overrides
        )
        if self.node.starts_by_itself:
            self.node.start()
        self._executor = make_executor(self._context)
        self._executor.add_node(self.node)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def counts(self, camera: str = "camera") -> FrameCounts:
        assert self.node.segmenter is not None
        return self.node.segmenter.counts(camera)

    def _serve(self) -> None:
        while not self._ends.is_set():
            self._executor.spin_once(timeout_sec=0.1)

    def _make_engine(self, settings: EngineSettings) -> FakeEngine:
        self.engines.append(FakeEngine(settings, self._inference_s))
        return self.engines[-1]

    def __enter__(self) -> "LocalNode":
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._executor.shutdown()
        assert self.node.close(timeout_s=STOP_PATIENCE_S)
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)


class Peer:
    """A camera that publishes and a consumer that subscribes, in this process."""

    def __init__(self, domain: int, topic: str = "/camera/image_raw", node_name: str = "/camseg") -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node("peer", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._node_name = node_name
        self._camera = self.node.create_publisher(Image, topic, RELIABLE)
        self._cameras = {topic: self._camera}
        self._clients: dict[str, Client] = {}
        self.received: dict[str, list] = {"diagnostics": []}
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._receive_diagnostics, RELIABLE)

    def subscribe(self, *outputs: str, qos: QoSProfile = BEST_EFFORT, camera: str = "") -> None:
        """Receives outputs of the only camera, or as "CAMERA/OUTPUT" those of one of several."""
        for output in outputs:
            name = f"{camera}/{output}" if camera else output
            self.received[name] = []
            kind = OUTPUT_TYPES.get(output, Float64Stamped)
            self.node.create_subscription(kind, f"{self._node_name}/{name}", self.received[name].append, qos)

    def publish(self, message: Any, topic: str | None = None) -> None:
        self.camera(topic).publish(message)

    def camera(self, topic: str | None = None, kind: type = Image, qos: QoSProfile = RELIABLE) -> Publisher:
        """The publisher of a camera; made where it is new."""
        if topic is None:
            return self._camera
        if topic not in self._cameras:
            self._cameras[topic] = self.node.create_publisher(kind, topic, qos)
        return self._cameras[topic]

    def spin_for(self, seconds: float) -> None:
        """Takes what comes meanwhile."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def ask(self, kind: type, service: str, **fields: object) -> Future:
        """Asks one of the node's services and does not wait for its answer."""
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, f"{self._node_name}/{service}")
            self.wait_until(self._clients[service].service_is_ready, f"the service {service}")
            # Ready says that we know the service; an answer arrives only once it knows us too.
            self.spin_for(1.0)
        return self._clients[service].call_async(kind.Request(**fields))

    def call(self, kind: type, service: str, **fields: object) -> Any:
        """The answer of one of the node's services."""
        future = self.ask(kind, service, **fields)
        self.wait_until(future.done, f"the answer of {service}")
        return future.result()

    def set_parameter(self, name: str, value: object) -> SetParametersResult:
        parameter = Parameter(name, value=value).to_parameter_msg()
        return self.call(SetParameters, "set_parameters", parameters=[parameter]).results[0]

    def change_state(self, transition: str | int) -> bool:
        """Says whether the lifecycle transition, by its label or its id, was successful."""
        asked = Transition(label=transition) if isinstance(transition, str) else Transition(id=transition)
        return self.call(ChangeState, "change_state", transition=asked).success

    def state(self) -> str:
        """The node's lifecycle state."""
        return self.call(GetState, "get_state").current_state.label

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s in vain for {what}"
            self._executor.spin_once(timeout_sec=0.05)

    def wait_for_node(self, outputs: bool = True) -> None:
        """Until the node listens to the camera and publishes diagnostics and, where subscribed, outputs to us.

        That the node knows our subscriptions too is certain only once something arrived: frames are sent until it did.
        """
        self.wait_until(lambda: self._camera.get_subscription_count() > 0, "the node's subscription")
        self.wait_until(lambda: self.received["diagnostics"], "diagnostics")
        watched = [output for output in self.received if output != "diagnostics"]
        warm_up = frame_message(random_pixels(), stamp_ns=1)
        while outputs and not all(self.received[output] for output in watched):
            self.publish(warm_up)
            self._executor.spin_once(timeout_sec=0.2)
        if outputs:
            self.wait_until_counted(lambda values: values["pending"] == "0" and int(values["received"]) > 0)
            for output in watched:
                self.received[output].clear()

    def _receive_diagnostics(self, message: DiagnosticArray) -> None:
        if message.status[-1].name == f"{self._node_name.strip('/')}: lifecycle":
            self.received["diagnostics"].append(message)

    def diagnostic_values(self) -> dict[str, str]:
        """Of the newest status."""
        return {pair.key: pair.value for pair in self.status().values}

    def status(self, name: str | None = None) -> DiagnosticStatus:
        """The newest of the first camera, or that called "NODE: NAME"."""
        statuses = self.received["diagnostics"][-1].status
        return (
            statuses[0]
            if name is None
            else {status.name: status for status in statuses}[f"{self._node_name.strip('/')}: {name}"]
        )

    def wait_until_counted(self, condition: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """Until a status published from now on meets the condition; returns its values."""
        self.received["diagnostics"].clear()
        self.wait_until(
            lambda: self.received["diagnostics"] and condition(self.diagnostic_values()), "counters in diagnostics"
        )
        return self.diagnostic_values()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)
