"""Node and probe together in a ROS domain of their own, and nothing left of them afterwards."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import rclpy
from rclpy.context import Context

from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.benchmarks.probe import Probe
from camseg_ros.replay.command import end_on_signals
from camseg_ros.replay.processes import Child, Children
from camseg_ros.replay.session import NODE_COMMAND
from camseg_ros.replay.surroundings import inside, replay_environment
from camseg_ros.replay.topics import NODE_NAME

READY_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class NodeUnderTest:
    """What is started as the node.

    Attributes:
        model, device, steps, drift_reference: its parameters.
    """

    model: str = EngineSettings.model
    device: str = EngineSettings.device
    steps: int = SamplingSettings.steps
    drift_reference: str = EngineSettings.drift_reference


class Stage:
    """Starts processes and waits for them; made by ``open_stage``.

    Args:
        folder: for logs.
        children: the processes.
        probe: camera and consumer in this process.
    """

    def __init__(self, folder: Path, children: Children, probe: Probe) -> None:
        self.folder = folder
        self.children = children
        self.probe = probe

    def start_node(
        self,
        node: NodeUnderTest,
        parameters: Mapping[str, str | int | float | bool] | None = None,
        cameras: Sequence[str] = (),
        command: Sequence[str] = NODE_COMMAND,
    ) -> Child:
        """Starts a node with these parameters beside the model's; see ``wait_for_node``."""
        values: dict[str, str | int | float | bool] = dict(asdict(node)) | dict(parameters or {})
        arguments = [f"{name}:={_yaml(value)}" for name, value in values.items()]
        arguments += [f"cameras:=[{','.join(cameras)}]"] if cameras else []
        options = [part for argument in arguments for part in ("-p", argument)]
        return self.children.start("camseg_node", [*command, "--ros-args", "-r", f"__node:={NODE_NAME}", *options])

    def start_module(self, name: str, module: str, *arguments: str) -> Child:
        """Starts a Python module of ours as a process."""
        return self.children.start(name, [sys.executable, "-m", module, *arguments])

    def wait_for_node(self, cameras: int = 1) -> None:
        """Returns once the node's diagnostics of every camera have come; raises ChildError where it ends before."""
        self.probe.counters.clear()
        self.children.wait_until(
            lambda: len(self.probe.counters) >= cameras, "the node's diagnostics", READY_TIMEOUT_S, self.probe.spin
        )

    def wait_until_settled(self, timeout_s: float = 60.0) -> None:
        """Returns once diagnostics of the time after this call show no frame pending, of any camera."""
        probe, since_s = self.probe, self.probe.counted_at_s

        def has_settled() -> bool:
            return probe.counted_at_s > since_s and not any(int(c["pending"]) for c in probe.counters.values())

        probe.spin_until(has_settled, "the node to be done with every frame", timeout_s)
        # Once more, because the first may have been on its way already.
        since_s = probe.counted_at_s
        probe.spin_until(has_settled, "the node to be done with every frame", timeout_s)


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage in a ROS domain of its own; whatever was started on it ends with it."""
    end_on_signals()
    environment = replay_environment()
    with (
        inside(environment),  # this process is part of the graph
        TemporaryDirectory(prefix="camseg_bench_") as folder,
        Children(environment, Path(folder)) as children,
    ):
        context = Context()
        rclpy.init(context=context, domain_id=int(environment["ROS_DOMAIN_ID"]))
        try:
            probe = Probe(context)
            yield Stage(Path(folder), children, probe)
            probe.destroy_node()
        finally:
            rclpy.shutdown(context=context)


def resident_mib(process_id: int) -> float:
    """Memory of a process that is in RAM, MiB."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {process_id} has ended")


def _yaml(value: str | int | float | bool) -> str:
    return json.dumps(value)  # which is YAML, and says of every value which type it has
