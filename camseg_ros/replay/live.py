"""The ROS part of ``camseg replay --live``: a bag through a real node, at the speed of the recording or another."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console

from camseg_core.data.sources.bag_images import COMPRESSED_IMAGE_TYPE, BagImages, bag_topics, base_topic
from camseg_core.errors import ConfigurationError
from camseg_core.replay.cameras import Camera
from camseg_core.replay.journal import Journal
from camseg_core.replay.settings import Playback
from camseg_core.replay.summary import LiveCounts
from camseg_core.replay.topics import node_camera
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.replay.command import end_on_signals
from camseg_ros.replay.live_recorder import LiveRecorder
from camseg_ros.replay.processes import Children
from camseg_ros.replay.session import NODE_COMMAND
from camseg_ros.replay.surroundings import domain_in_words, inside, replay_environment
from camseg_ros.replay.topics import NODE_NAME

_ENGINE_PARAMETERS = (
    "model",
    "device",
    "steps",
    "sampler",
    "seed",
    "num_samples",
    "decoder",
    "int8",
    "drift_reference",
)
"""Those of the node that have an engine's setting of the same name."""

_READY_TIMEOUT_S = 180.0
_ANSWERED_TIMEOUT_S = 60.0
_TRANSPORT_S = 3.0
"""As in the demo's session: a frame that is not counted this long after the last was sent is lost in transport."""

_OUTPUTS_S = 0.5


class LiveInference:
    """Fills the journal of a replay with what a node publishes while the bag is played to it.

    Args:
        engine: settings of the node.
        playback: how the bag is played.
        node_command: what runs as the node; the ROS arguments are added.
        with_confidence: whether entries hold it.
    """

    def __init__(
        self,
        engine: EngineSettings,
        playback: Playback,
        node_command: Sequence[str] = NODE_COMMAND,
        with_confidence: bool = False,
    ) -> None:
        self._engine = engine
        self._playback = playback
        self._with_confidence = with_confidence
        self._node_command = node_command

    def __call__(self, images: BagImages, cameras: Sequence[Camera], journal: Journal) -> LiveCounts:
        """Plays the bag; nothing is left running, however it ends.

        Raises:
            KeyboardInterrupt: at Ctrl-C; with ``loop`` only until a second pass has begun, from when on it is the end.
            ChildError: a process ended early, or did not come up.
            ConfigurationError: some cameras are compressed and others are not; CAMSEG_ROS_DOMAIN_ID is no ROS domain.
        """
        end_on_signals()
        environment = replay_environment()
        tell = Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print
        tell(f"playing {images.path} to camseg_node in {domain_in_words(environment)}")
        with (
            # This process is part of the graph: the same domain and the same transport as the children.
            inside(environment),
            TemporaryDirectory(prefix="camseg_replay_") as folder,
            Children(environment, Path(folder)) as children,
        ):
            context = Context()
            rclpy.init(context=context, domain_id=int(environment["ROS_DOMAIN_ID"]))
            try:
                sent = Path(folder) / "sent.jsonl"
                recorder = LiveRecorder(context, cameras, len(images), sent, journal, self._with_confidence)
                try:
                    executor = SingleThreadedExecutor(context=context)
                    executor.add_node(recorder)
                    return self._run(images, cameras, Path(folder), children, recorder, executor)
                finally:
                    # An error's traceback holds the node, which would stay in the domain until it is collected.
                    recorder.destroy_node()
            finally:
                rclpy.shutdown(context=context)

    def _run(
        self,
        images: BagImages,
        cameras: Sequence[Camera],
        folder: Path,
        children: Children,
        recorder: LiveRecorder,
        executor: SingleThreadedExecutor,
    ) -> LiveCounts:
        def spin() -> None:
            executor.spin_once(timeout_sec=0.05)
            recorder.store_pending()

        arguments = _node_arguments(images, cameras, self._engine, self._playback, folder / "parameters.yaml")
        children.start("camseg_node", [*self._node_command, *arguments])
        children.wait_until(recorder.is_ready, "the node's outputs and diagnostics", _READY_TIMEOUT_S, spin)
        player = children.start("camseg_bag_player", self._player_command(images, folder), on_terminal=True)
        try:
            children.wait_for(player, spin)
        except KeyboardInterrupt:
            # Once a second pass has begun, the first was sent whole; of one that was not, results would not be the
            # bag's, and would yet count as finished.
            if recorder.counts().sent <= len(images):
                raise
            player.stop()
            children.forget(player)
        ended_s = time.monotonic()
        children.wait_until(
            lambda: recorder.has_all(ended_s, _TRANSPORT_S),
            "the node to answer every frame it received",
            _ANSWERED_TIMEOUT_S,
            spin,
        )
        # Masks may come after the diagnostics that count them, which are small.
        answered_s = time.monotonic()
        while time.monotonic() < answered_s + _OUTPUTS_S:
            spin()
        return recorder.counts()

    def _player_command(self, images: BagImages, folder: Path) -> list[str]:
        command = [sys.executable, "-m", "camseg_ros.replay.bag_player", str(images.path)]
        for topic in images.topics:
            command += ["--topic", topic]
        command += ["--rate", str(self._playback.rate), "--clock", str(self._playback.clock_hz)]
        command += ["--loop"] if self._playback.loop else []
        return [*command, "--log", str(folder / "sent.jsonl")]


def _node_arguments(
    images: BagImages, cameras: Sequence[Camera], engine: EngineSettings, playback: Playback, parameters: Path
) -> list[str]:
    """The ROS arguments with which the node serves the cameras of the bag; writes the file of its parameters."""
    topics = bag_topics(images.path)
    compressed = [topics[camera.topic].type == COMPRESSED_IMAGE_TYPE for camera in cameras]
    if any(compressed) and not all(compressed):
        raise ConfigurationError(
            f"cameras {', '.join(camera.topic for camera in cameras)} of bag {images.path} are partly compressed; "
            "expected all of them or none, choose with --camera-topic"
        )
    for camera, is_compressed in zip(cameras, compressed, strict=True):
        if is_compressed and not camera.topic.endswith("/compressed"):
            raise ConfigurationError(
                f"compressed images on {camera.topic} of bag {images.path}; expected a name that ends in /compressed"
            )
    names = [node_camera(camera.name) for camera in cameras]
    values = {
        **{name: getattr(engine, name) for name in _ENGINE_PARAMETERS},
        "cameras": names if len(names) > 1 else [],
        "image_transport": "compressed" if all(compressed) else "raw",
        "use_sim_time": playback.clock_hz > 0.0,
    }
    # JSON is YAML, and says of every value which type it has.
    parameters.write_text(json.dumps({"/**": {"ros__parameters": values}}))
    remaps = [f"__node:={NODE_NAME}"]
    for camera, name in zip(cameras, names, strict=True):
        listens_to = f"{name}/image_raw" if len(names) > 1 else "camera/image_raw"
        remaps.append(f"{listens_to}:={base_topic(camera.topic)}")
    return ["--ros-args", "--params-file", str(parameters), *(part for remap in remaps for part in ("-r", remap))]
