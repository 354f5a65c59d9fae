"""`ros2 launch camseg_ros camseg.launch.py`: with nothing else said it segments; with arguments it does as they say.

One launch holds all: a node that starts by itself, one of two cameras in a namespace that waits for its manager, one
that is killed and started again, and one with a parameter file of its own.

The launch packages come with an installed ROS 2; they are not among the wheels.
"""

import importlib.util
import os
import signal
import tempfile
import unittest
from pathlib import Path

import pytest

if importlib.util.find_spec("launch_testing_ros") is None or importlib.util.find_spec("launch_ros") is None:
    pytest.skip("launch_ros and launch_testing_ros are not installed; an apt ROS 2 has them", allow_module_level=True)

import launch_testing
import launch_testing.actions
import launch_testing.asserts
from ament_index_python.packages import get_package_share_directory
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch.launch_description_sources import PythonLaunchDescriptionSource
from rcl_interfaces.srv import GetParameters
from rclpy.qos import DurabilityPolicy, QoSCompatibility, ReliabilityPolicy, qos_check_compatible
from ros_harness import BEST_EFFORT, RELIABLE, Peer, frame_message, random_pixels

import launch
from camseg_core.errors import WeightsError
from camseg_core.model_files import model_folder
from camseg_core.runtime.settings import EngineSettings

try:
    model_folder(EngineSettings().model)
except WeightsError as error:
    pytest.skip(f"the launch file starts the shipped model: {error}", allow_module_level=True)

DOMAIN = 101  # above those that the other tests take
SHARE = Path(get_package_share_directory("camseg_ros"))


NAMESPACE = "/ego"
RESPAWNED_NAMESPACE = "/respawned"
FROM_FILE_NAMESPACE = "/from_file"
PARAMETERS_FOLDER = tempfile.TemporaryDirectory()  # until the process ends
PARAMETERS = """
/**:
  ros__parameters:
    autostart: false
    use_sim_time: true
"""


def launch_file(**arguments: str) -> IncludeLaunchDescription:
    source = PythonLaunchDescriptionSource(str(SHARE / "launch" / "camseg.launch.py"))
    return IncludeLaunchDescription(source, launch_arguments=arguments.items())


@pytest.mark.launch_test
def generate_test_description() -> launch.LaunchDescription:
    os.environ.pop("FASTRTPS_DEFAULT_PROFILES_FILE", None)
    params_file = Path(PARAMETERS_FOLDER.name) / "camseg.yaml"
    params_file.write_text(PARAMETERS)
    return launch.LaunchDescription(
        [
            SetEnvironmentVariable("ROS_DOMAIN_ID", str(DOMAIN)),
            SetEnvironmentVariable("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"),
            launch_file(),
            # Second, because arguments stay set for what comes after.
            launch_file(
                namespace=NAMESPACE, cameras="[front,left]", autostart="false", device="cpu", drift_reference="auto"
            ),
            launch_file(namespace=RESPAWNED_NAMESPACE, cameras="", use_respawn="true", drift_reference=""),
            launch_file(namespace=FROM_FILE_NAMESPACE, params_file=str(params_file), use_respawn="false", autostart=""),
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestByItself(unittest.TestCase):
    def test_masks_of_large_frames_come_back_with_their_stamps(self) -> None:
        with Peer(DOMAIN) as peer:
            peer.subscribe("mask", qos=BEST_EFFORT)
            peer.wait_for_node()
            assert peer.state() == "active"
            peer.publish(frame_message(random_pixels(1080, 1920), stamp_ns=1_000_000_007, frame_id="optical"))
            peer.wait_until(lambda: peer.received["mask"], "the mask")
            mask = peer.received["mask"][0]
            assert (mask.header.stamp.sec, mask.header.stamp.nanosec, mask.header.frame_id) == (1, 7, "optical")
            assert (mask.height, mask.width) == (1080, 1920)

            assert peer.set_parameter("output_size", "model").successful
            peer.received["mask"].clear()
            peer.publish(frame_message(random_pixels(1080, 1920), stamp_ns=2))
            peer.wait_until(lambda: peer.received["mask"], "the mask at the model's size")
            assert (peer.received["mask"][0].height, peer.received["mask"][0].width) == (360, 480)
            assert not peer.set_parameter("steps", 0).successful

    def test_every_image_topic_matches_reliable_and_best_effort_subscribers(self) -> None:
        with Peer(DOMAIN) as peer:
            peer.subscribe("mask", "overlay")
            topics = ("/camseg/mask", "/camseg/overlay")
            # A publisher is discovered before the name of its node is.
            peer.wait_until(
                lambda: all(
                    [offered.node_name for offered in peer.node.get_publishers_info_by_topic(topic)] == ["camseg"]
                    for topic in topics
                ),
                "the publishers of a node called camseg",
            )
            for topic in topics:
                (offered,) = peer.node.get_publishers_info_by_topic(topic)
                for asked in (BEST_EFFORT, RELIABLE):
                    compatibility, reason = qos_check_compatible(offered.qos_profile, asked)
                    assert compatibility != QoSCompatibility.ERROR, reason
            (asked,) = peer.node.get_subscriptions_info_by_topic("/camera/image_raw")
            # What asks least is matched by every camera.
            assert asked.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
            assert asked.qos_profile.durability == DurabilityPolicy.VOLATILE

    def test_installed_transport_profile_is_used(self) -> None:
        # Set by the launch file in the environment that its processes, and this one, share.
        assert os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(SHARE / "config" / "fastdds.xml")


class TestWithManager(unittest.TestCase):
    def test_node_is_configured_and_activated_by_its_manager_and_listens_to_both_cameras(self) -> None:
        with Peer(DOMAIN, node_name=f"{NAMESPACE}/camseg") as peer:
            assert peer.state() == "unconfigured"
            answer = peer.call(GetParameters, "get_parameters", names=["drift_reference"])
            assert answer.values[0].string_value == "auto"
            assert peer.change_state("configure")
            assert peer.node.count_publishers(f"{NAMESPACE}/camseg/front/mask") == 0
            assert peer.change_state("activate")
            for camera in ("front", "left"):
                peer.subscribe("mask", camera=camera)
                topic = f"{NAMESPACE}/{camera}/image_raw"
                peer.wait_until(lambda t=topic: peer.camera(t).get_subscription_count() > 0, "the subscription")
            for stamp_ns, camera in enumerate(("front", "left"), start=5):
                mask = peer.received[f"{camera}/mask"]
                while not mask:  # until the node knows our subscription
                    peer.publish(frame_message(random_pixels(), stamp_ns), f"{NAMESPACE}/{camera}/image_raw")
                    peer.spin_for(0.5)
                assert mask[0].header.stamp.nanosec == stamp_ns
            assert peer.change_state("deactivate")
            assert peer.change_state("cleanup")
            assert peer.state() == "unconfigured"


class TestRespawn(unittest.TestCase):
    def test_a_killed_node_is_started_again(self) -> None:
        with Peer(DOMAIN, node_name=f"{RESPAWNED_NAMESPACE}/camseg") as peer:
            assert peer.state() == "unconfigured"
            (killed,) = processes_of(RESPAWNED_NAMESPACE)
            os.kill(killed, signal.SIGKILL)
            peer.wait_until(lambda: set(processes_of(RESPAWNED_NAMESPACE)) - {killed}, "a new process")
        with Peer(DOMAIN, node_name=f"{RESPAWNED_NAMESPACE}/camseg") as peer:
            assert peer.state() == "unconfigured"


class TestParameterFile(unittest.TestCase):
    def test_what_no_argument_says_is_as_in_the_file(self) -> None:
        with Peer(DOMAIN, node_name=f"{FROM_FILE_NAMESPACE}/camseg") as peer:
            assert peer.state() == "unconfigured"
            answer = peer.call(GetParameters, "get_parameters", names=["autostart", "use_sim_time"])
            assert [value.bool_value for value in answer.values] == [False, True]


def processes_of(namespace: str) -> list[int]:
    """Those of nodes in a namespace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_text().split("\0")
        except OSError:  # it has ended meanwhile
            continue
        if f"__ns:={namespace}" in arguments:
            found.append(int(folder.name))
    return found


@launch_testing.post_shutdown_test()
class TestAfterShutdown(unittest.TestCase):
    def test_exit_code_is_0(self, proc_info) -> None:
        # Of the node that was killed and started again, the last exit counts.
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
