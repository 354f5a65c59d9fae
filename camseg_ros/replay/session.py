"""One session: node, recorder and player as processes of their own, from the first to the last frame."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from camseg_ros.replay import topics
from camseg_ros.replay.node_counters import NodeCounters
from camseg_ros.replay.options import DemoOptions
from camseg_ros.replay.processes import Children
from camseg_ros.replay.recording import Recording, read_json_lines
from camseg_ros.replay.surroundings import domain_in_words, replay_environment

NODE_COMMAND = (sys.executable, "-m", "camseg_ros.segmentation_node")

_READY_TIMEOUT_S = 180.0
_ANSWERED_TIMEOUT_S = 60.0
_TRANSPORT_S = 3.0
"""A frame that the node has not counted this long after the last one was sent is lost in transport."""

_OUTPUTS_S = 0.5
"""From the node's counting a frame as processed to its outputs' arrival at the recorder."""


def run_session(
    options: DemoOptions, recording: Recording, tell: Callable[[str], None], node_command: Sequence[str] = NODE_COMMAND
) -> None:
    """Plays the frames through the node and records everything; nothing is left running, however it ends.

    Args:
        options: what is played, through which node.
        recording: where to; a new one.
        tell: is given one line at each step.
        node_command: what runs as the node; the ROS arguments are added.

    Raises:
        ChildError: a process ended early, did not come up, or the recorder could not keep everything.
        ConfigurationError: CAMSEG_ROS_DOMAIN_ID is no ROS domain.
    """
    environment = replay_environment()
    # JSON is YAML, and says of every value which type it has.
    recording.parameters.write_text(json.dumps({"/**": {"ros__parameters": options.node_parameters()}}, indent=2))
    with Children(environment, recording.folder) as children:
        tell(f"starting camseg_node and camseg_recorder in {domain_in_words(environment)}")
        children.start("camseg_node", [*node_command, *_ros_arguments(recording.parameters)])
        recorder = children.start("camseg_recorder", [*_python("camseg_ros.replay.recorder"), str(recording.folder)])
        children.wait_until(recording.recorder_ready.exists, "the node's outputs and diagnostics", _READY_TIMEOUT_S)
        tell(f"playing on {topics.CAMERA}")
        player = [*_python("camseg_ros.replay.player"), "--log", str(recording.sent), *options.player_arguments()]
        children.wait_for(children.start("camseg_player", player, on_terminal=True))
        children.wait_until(_Answered(recording), "the node to answer every frame it received", _ANSWERED_TIMEOUT_S)
        time.sleep(_OUTPUTS_S)
        tell("stopping")
        recorder.stop()
        # It writes its last pictures now; where it cannot, or is killed over it, the recording is not whole.
        if recorder.exit_code() != 0:
            raise recorder.failure()


class _Answered:
    """Whether the node, by its own diagnostics, is done with all frames that were sent."""

    def __init__(self, recording: Recording) -> None:
        self._diagnostics = recording.diagnostics
        sent_ns = [line["stamp_ns"] for line in read_json_lines(recording.sent)]
        self._sent = len(sent_ns)
        self._last_ns = sent_ns[-1]

    def __call__(self) -> bool:
        counters = NodeCounters.newest(self._diagnostics)
        if counters is None or not counters.all_answered():
            return False
        return counters.received >= self._sent or counters.stamp_ns > self._last_ns + round(_TRANSPORT_S * 1e9)


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _ros_arguments(parameters: Path) -> list[str]:
    remaps = ["-r", f"__node:={topics.NODE_NAME}", "-r", f"camera/image_raw:={topics.CAMERA}"]
    return ["--ros-args", "--params-file", str(parameters), *remaps]
