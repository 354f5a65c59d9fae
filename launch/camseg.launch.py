"""Starts camseg_node on one camera or several; `ros2 launch camseg_ros camseg.launch.py -s` lists the arguments."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_context import LaunchContext
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchDescription

CONFIG = Path(get_package_share_directory("camseg_ros")) / "config"
TRUE_OR_FALSE = ["true", "false"]
TRUE_FALSE_OR_EMPTY = ["", *TRUE_OR_FALSE]

ARGUMENTS = [
    DeclareLaunchArgument("namespace", default_value="", description="namespace of the node and of relative topics"),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="",
        choices=TRUE_FALSE_OR_EMPTY,
        description="take the time from /clock; empty: as in params_file, or false",
    ),
    DeclareLaunchArgument(
        "params_file", default_value=str(CONFIG / "camseg.yaml"), description="YAML file with the node's parameters"
    ),
    DeclareLaunchArgument(
        "autostart",
        default_value="",
        choices=TRUE_FALSE_OR_EMPTY,
        description="configure and activate the node; false: wait for a lifecycle manager; empty: as in params_file, or"
        " true",
    ),
    DeclareLaunchArgument(
        "use_respawn", default_value="false", choices=TRUE_OR_FALSE, description="start the node again when it crashes"
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="least severe log lines shown",
    ),
    DeclareLaunchArgument(
        "image_topic",
        default_value="camera/image_raw",
        description="images of the only camera, sensor_msgs/msg/Image; with a transport its name is added",
    ),
    DeclareLaunchArgument(
        "cameras",
        default_value="",
        description="several cameras, as [front,left], each on NAME/image_raw; empty: as in params_file",
    ),
    DeclareLaunchArgument("model", default_value="", description="model; empty: as in params_file"),
    DeclareLaunchArgument(
        "drift_reference",
        default_value="",
        description="file of camseg drift fit, or auto: each camera's first frames; empty: as in params_file",
    ),
    DeclareLaunchArgument("device", default_value="", description="auto, cpu or cuda:N; empty: as in params_file"),
]

RESPAWN_DELAY_S = 2.0


def given_parameters(value: Mapping[str, str]) -> dict[str, object]:
    """The node's parameters among the arguments that are not empty; they go over those of params_file."""
    names_of_yaml = ("use_sim_time", "autostart", "cameras")
    names_of_text = ("model", "drift_reference", "device")
    parameters: dict[str, object] = {name: yaml.safe_load(value[name]) for name in names_of_yaml if value[name]}
    return parameters | {name: value[name] for name in names_of_text if value[name]}


def make_node(context: LaunchContext) -> list[Node]:
    value = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    given = given_parameters(value)
    return [
        Node(
            package="camseg_ros",
            executable="camseg_node",
            name="camseg",
            namespace=value["namespace"],
            output="screen",
            respawn=value["use_respawn"] == "true",
            respawn_delay=RESPAWN_DELAY_S,
            parameters=[value["params_file"], given] if given else [value["params_file"]],
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
