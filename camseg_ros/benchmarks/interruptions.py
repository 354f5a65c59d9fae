"""What the node makes of a camera or a node that is killed, and of a camera that stops and returns."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus

from camseg_ros.benchmarks.stage import NodeUnderTest, Stage, open_stage
from camseg_ros.replay import topics
from camseg_ros.replay.processes import Child

_RATE_HZ = 5.0
_STALE_AFTER_S = 2.0
_TIMEOUT_S = 120.0


_Found = tuple[float, dict[str, int], tuple[str, ...]]
"""``recovered_s``, ``counts`` and ``statuses`` of an InterruptionResult."""


@dataclass(frozen=True)
class InterruptionResult:
    """One of them.

    Attributes:
        what: happened, in words.
        recovered_s: from its end to the next mask; NaN where the wait was in vain.
        counts: of the node at the end, by name; those before a kill are gone with it.
        statuses: the levels that diagnostics showed in the order in which they were waited for.
    """

    what: str
    recovered_s: float
    counts: dict[str, int]
    statuses: tuple[str, ...] = ()

    @property
    def keeps_promises(self) -> bool:
        """Whether masks came again and every frame is accounted for."""
        counts = self.counts
        adds_up = counts["received"] == counts["processed"] + counts["dropped"] + counts["failed"]
        return self.recovered_s == self.recovered_s and adds_up and counts["failed"] == 0


def run_interruptions(node: NodeUnderTest, tell: Callable[[str], None]) -> list[InterruptionResult]:
    """All of them, one after the other; raises CamsegError where something waited for does not come."""
    results = []
    for what, run in _INTERRUPTIONS.items():
        tell(what)
        recovered_s, counts, statuses = run(node)
        results.append(InterruptionResult(what, recovered_s, counts, statuses))
    return results


def _kill_the_camera(node: NodeUnderTest) -> _Found:
    with open_stage() as stage:
        _start(stage, node)
        camera = _start_camera(stage)
        _wait_for_mask(stage, 0)
        _kill(stage, camera)
        stage.probe.spin_for(_STALE_AFTER_S)
        return _return_of_the_camera(stage, ())


def _kill_the_node_while_it_configures(node: NodeUnderTest) -> _Found:
    with open_stage() as stage:
        _start_camera(stage)
        first = stage.start_node(node)
        log = stage.folder / "camseg_node.log"
        stage.children.wait_until(lambda: "loading model" in log.read_text(), "the model to load", _TIMEOUT_S)
        _kill(stage, first)
        started_s = time.monotonic()
        _start(stage, node)
        recovered_s = _wait_for_mask(stage, 0) - started_s
        return recovered_s, _final_counts(stage), ()


def _stop_the_camera(node: NodeUnderTest) -> _Found:
    with open_stage() as stage:
        _start(stage, node)
        camera = _start_camera(stage)
        _wait_for_mask(stage, 0)
        stage.children.stop_named(camera.name)
        levels = stage.probe.levels
        stage.probe.spin_until(
            lambda: DiagnosticStatus.STALE in levels.values(), "the camera to be STALE", _STALE_AFTER_S + _TIMEOUT_S
        )
        return _return_of_the_camera(stage, ("STALE",))


def _return_of_the_camera(stage: Stage, statuses: tuple[str, ...]) -> _Found:
    """Starts a new camera and waits for its masks and for diagnostics that are not STALE."""
    before = len(stage.probe.arrivals_s["mask"])
    log = stage.folder / "returned.jsonl"
    _start_camera(stage, log.name)
    # Counted from the camera's first frames: its process takes a while to begin.
    stage.probe.spin_until(log.exists, "the camera to begin", _TIMEOUT_S)
    began_s = time.monotonic()
    recovered_s = max(0.0, _wait_for_mask(stage, before) - began_s)
    levels = stage.probe.levels
    stage.probe.spin_until(
        lambda: DiagnosticStatus.STALE not in levels.values(), "the camera not to be STALE any more", _TIMEOUT_S
    )
    return recovered_s, _final_counts(stage), (*statuses, "not STALE")


def _start(stage: Stage, node: NodeUnderTest) -> None:
    stage.start_node(node, {"stale_after_s": _STALE_AFTER_S})
    stage.probe.watch("mask")
    stage.wait_for_node()


def _start_camera(stage: Stage, log: str = "sent.jsonl") -> Child:
    arguments = ["--topic", topics.CAMERA, "--height", "480", "--width", "640", "--rate", str(_RATE_HZ)]
    module = "camseg_ros.benchmarks.cameras_process"
    return stage.start_module("camseg_cameras", module, *arguments, "--log", str(stage.folder / log))


def _kill(stage: Stage, child: Child) -> None:
    child.kill()
    stage.children.forget(child)


def _wait_for_mask(stage: Stage, before: int) -> float:
    """Until there are more masks than ``before``; returns when the first of them came, monotonic, seconds."""
    arrived = stage.probe.arrivals_s["mask"]
    stage.probe.spin_until(lambda: len(arrived) > before, "a mask", _TIMEOUT_S)
    return sorted(arrived.values())[before]


def _final_counts(stage: Stage) -> dict[str, int]:
    """The node's counts once the camera has ended and no frame is pending."""
    stage.children.stop_named("camseg_cameras")
    stage.wait_until_settled()
    return {name: value for name, value in stage.probe.counts(stage.probe.camera).items() if name != "pending"}


_INTERRUPTIONS = {
    "kill -9 of the camera's process, then a new one": _kill_the_camera,
    "kill -9 of the node while its model loads, then a new node": _kill_the_node_while_it_configures,
    "a camera that stops, until diagnostics say STALE, and returns": _stop_the_camera,
}
