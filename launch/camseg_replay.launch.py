"""Plays a bag to camseg_node and shows it in RViz, on the bag's clock; `-s` lists the arguments."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessIO
from launch.events.process import ProcessIO
from launch.launch_context import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

SHARE = Path(get_package_share_directory("camseg_ros"))
TRUE_OR_FALSE = ["true", "false"]
ACTIVE = b"active: listening to"
"""What the node logs when it is, as info."""

ARGUMENTS = [
    DeclareLaunchArgument("bag", description="rosbag2 to play, folder or file"),
    DeclareLaunchArgument("rate", default_value="1.0", description="multiple of the speed of the recording"),
    DeclareLaunchArgument(
        "loop", default_value="false", choices=TRUE_OR_FALSE, description="begin again at the end of the bag"
    ),
    DeclareLaunchArgument("clock", default_value="40.0", description="how often the bag's time is published, Hz"),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info"],  # with a more severe one the line that the bag waits for would never come
        description="least severe log lines of the node shown; the bag is played at one of info",
    ),
    DeclareLaunchArgument("rviz", default_value="true", choices=TRUE_OR_FALSE, description="show it in RViz"),
    DeclareLaunchArgument(
        "rviz_config", default_value=str(SHARE / "config" / "camseg.rviz"), description="RViz' configuration"
    ),
]
"""Those of camseg.launch.py, such as image_topic and cameras, may be given too and are handed on."""


def play_when_active(context: LaunchContext) -> list[RegisterEventHandler]:
    value = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    command = ["ros2", "bag", "play", value["bag"], "--clock", value["clock"], "--rate", value["rate"]]
    command += ["--loop"] if value["loop"] == "true" else []
    end = Shutdown(reason="the bag has been played")
    waiting = [ExecuteProcess(cmd=command, name="bag", output="screen", on_exit=end)]

    def play(event: ProcessIO) -> ExecuteProcess | None:
        # Loading the model takes seconds; what is played before the node listens is lost to it.
        return waiting.pop() if waiting and ACTIVE in event.text else None

    return [RegisterEventHandler(OnProcessIO(on_stdout=play, on_stderr=play))]


def generate_launch_description() -> LaunchDescription:
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(SHARE / "launch" / "camseg.launch.py")),
        launch_arguments={"use_sim_time": "true"}.items(),
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", LaunchConfiguration("rviz_config")],
        parameters=[{"use_sim_time": True}],
        condition=IfCondition(LaunchConfiguration("rviz")),
        output="screen",
    )
    return LaunchDescription([*ARGUMENTS, node, rviz, OpaqueFunction(function=play_when_active)])
