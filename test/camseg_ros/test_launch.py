"""`ros2 launch camseg_ros camseg.launch.py` with nothing else said: masks come back, Ctrl-C ends it with exit code 0.

The launch packages come with an installed ROS 2; they are not among the wheels.
"""

import importlib.util
import os
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
from ros_harness import Peer, frame_message, random_pixels

import launch
from camseg_core.errors import WeightsError
from camseg_core.models.loading import model_folder
from camseg_core.runtime.engine import EngineSettings

try:
    model_folder(EngineSettings().model)
except WeightsError as error:
    pytest.skip(f"the launch file starts the shipped model: {error}", allow_module_level=True)

DOMAIN = 101  # above those that the other tests take
SHARE = Path(get_package_share_directory("camseg_ros"))


@pytest.mark.launch_test
def generate_test_description() -> launch.LaunchDescription:
    os.environ.pop("FASTRTPS_DEFAULT_PROFILES_FILE", None)
    return launch.LaunchDescription(
        [
            SetEnvironmentVariable("ROS_DOMAIN_ID", str(DOMAIN)),
            SetEnvironmentVariable("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST"),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(SHARE / "launch" / "camseg.launch.py"))),
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestRunning(unittest.TestCase):
    def test_masks_of_large_frames_come_back(self) -> None:
        with Peer(DOMAIN) as peer:
            peer.subscribe("mask")
            peer.wait_for_node()
            peer.publish(frame_message(random_pixels(1080, 1920), stamp_ns=1_000_000_007))
            peer.wait_until(lambda: peer.received["mask"], "the mask")
            mask = peer.received["mask"][0]
        assert (mask.header.stamp.sec, mask.header.stamp.nanosec) == (1, 7)
        assert (mask.height, mask.width) == (1080, 1920)

    def test_installed_transport_profile_is_used(self) -> None:
        # Set by the launch file in the environment that its processes, and this one, share.
        assert os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] == str(SHARE / "config" / "fastdds.xml")


@launch_testing.post_shutdown_test()
class TestAfterShutdown(unittest.TestCase):
    def test_exit_code_is_0(self, proc_info) -> None:
        launch_testing.asserts.assertExitCodes(proc_info, allowable_exit_codes=[0])
