"""What the launch files make of their arguments, without starting anything.

The launch packages come with an installed ROS 2; they are not among the wheels.
"""

import importlib.util
from types import ModuleType

import pytest
from ros_harness import ROOT

if importlib.util.find_spec("launch_ros") is None:
    pytest.skip("launch_ros is not installed; an apt ROS 2 has it", allow_module_level=True)

from launch.actions import DeclareLaunchArgument
from launch.launch_context import LaunchContext

pytestmark = pytest.mark.ros


def launch_file(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "launch" / f"{name}.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(arguments: list[DeclareLaunchArgument], **given: str) -> dict[str, str]:
    """All arguments with what was given on the command line."""
    context = LaunchContext()
    context.launch_configurations.update(given)
    for argument in arguments:
        argument.execute(context)
    return dict(context.launch_configurations)


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ({}, {}),
        ({"autostart": "", "use_sim_time": "", "cameras": "", "model": ""}, {}),
        ({"autostart": "false"}, {"autostart": False}),
        ({"autostart": "true", "use_sim_time": "false"}, {"autostart": True, "use_sim_time": False}),
        ({"cameras": "[front,left]", "device": "cpu"}, {"cameras": ["front", "left"], "device": "cpu"}),
        ({"model": "1", "drift_reference": "auto"}, {"model": "1", "drift_reference": "auto"}),
    ],
)
def test_only_what_is_given_goes_over_the_parameter_file(given, parameters):
    camseg = launch_file("camseg")
    assert camseg.given_parameters(values(camseg.ARGUMENTS, **given)) == parameters


@pytest.mark.parametrize("name", ["autostart", "use_sim_time"])
def test_a_switch_that_is_neither_true_nor_false_is_refused(name):
    with pytest.raises(RuntimeError, match=rf'"{name}" provided value "yes" is not valid'):
        values(launch_file("camseg").ARGUMENTS, **{name: "yes"})


def test_a_replay_refuses_a_log_level_that_hides_the_line_its_bag_waits_for():
    arguments = launch_file("camseg_replay").ARGUMENTS
    assert values(arguments, bag="drive_1")["log_level"] == "info"
    assert values(arguments, bag="drive_1", log_level="debug")["log_level"] == "debug"
    with pytest.raises(RuntimeError, match=r'"log_level" provided value "warn" is not valid.*\'debug\', \'info\''):
        values(arguments, bag="drive_1", log_level="warn")
