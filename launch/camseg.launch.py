"""Starts camseg_node on one camera; `ros2 launch camseg_ros camseg.launch.py -s` lists the arguments."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_context import LaunchContext
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

CONFIG = Path(get_package_share_directory("camseg_ros")) / "config"

ARGUMENTS = [
    DeclareLaunchArgument("namespace", default_value="", description="namespace of the node and of relative topics"),
    DeclareLaunchArgument(
        "use_sim_time", default_value="false", choices=["true", "false"], description="take the time from /clock"
    ),
    DeclareLaunchArgument(
        "params_file", default_value=str(CONFIG / "camseg.yaml"), description="YAML file with the node's parameters"
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="least severe log lines shown",
    ),
    DeclareLaunchArgument(
        "image_topic", default_value="camera/image_raw", description="camera images, sensor_msgs/msg/Image"
    ),
    DeclareLaunchArgument("model", default_value="", description="model; empty: as in params_file"),
    DeclareLaunchArgument("device", default_value="", description="auto, cpu or cuda:N; empty: as in params_file"),
]


def make_node(context: LaunchContext) -> list[Node]:
    value = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    overrides = {name: value[name] for name in ("model", "device") if value[name]}
    return [
        Node(
            package="camseg_ros",
            executable="camseg_node",
            name="camseg",
            namespace=value["namespace"],
            output="screen",
            parameters=[value["params_file"], {"use_sim_time": value["use_sim_time"] == "true"} | overrides],
            remappings=[("camera/image_raw", value["image_topic"])],
            arguments=["--ros-args", "--log-level", value["log_level"]],
        )
    ]


def generate_launch_description() -> LaunchDescription:
    # Without the profile most large images do not arrive; a user's own one stays.
    profile = SetEnvironmentVariable(
        "FASTRTPS_DEFAULT_PROFILES_FILE",
        EnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", default_value=str(CONFIG / "fastdds.xml")),
    )
    return LaunchDescription([*ARGUMENTS, profile, OpaqueFunction(function=make_node)])
