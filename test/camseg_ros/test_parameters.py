"""Parameters: ranges, refusals that name value and expectation, and a YAML file that says what the code says."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rclpy
import yaml
from rclpy.node import Node
from rclpy.parameter import Parameter

from camseg_core.errors import ConfigurationError
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.parameters import PARAMETERS, Change, NodeParameters

pytestmark = pytest.mark.ros

CAMERA_NAME = "[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*"
YAML_FILE = Path(__file__).resolve().parents[2] / "config" / "camseg.yaml"


@pytest.fixture
def make_node(ros_domain) -> Iterator[Callable[..., Node]]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)

    def make(**overrides: object) -> Node:
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        return Node("camseg", context=context, parameter_overrides=parameters)

    yield make
    rclpy.shutdown(context=context)


def test_defaults_are_those_of_the_engine(make_node):
    assert NodeParameters(make_node()).settings.engine == EngineSettings()


def test_given_values_reach_the_settings(make_node):
    settings = NodeParameters(make_node(device="cpu", steps=7, overlay_alpha=0.25)).settings
    assert (settings.engine.device, settings.engine.steps, settings.overlay_alpha) == ("cpu", 7, 0.25)


@pytest.mark.parametrize(
    ("name", "value", "expectation"),
    [
        ("steps", 0, "an integer from 1 to 1000"),
        ("steps", 1001, "an integer from 1 to 1000"),
        ("steps", "four", "an integer from 1 to 1000"),
        ("steps", 2.5, "an integer from 1 to 1000"),
        ("steps", True, "an integer from 1 to 1000"),
        ("seed", -1, "an integer from 0 to 2147483647"),
        ("overlay_alpha", -0.1, "a number with a decimal point from 0.0 to 1.0"),
        ("overlay_alpha", 1, "a number with a decimal point from 0.0 to 1.0"),
        ("stale_after_s", math.inf, "a number with a decimal point from 0.1 to 3600.0"),
        ("stale_after_s", math.nan, "a number with a decimal point from 0.1 to 3600.0"),
        ("model", 3, "a string"),
        ("device", ["cpu"], "a string"),
        ("autostart", 1, "true or false"),
        ("sampler", "euler", "one of ddim, ddpm, dpmsolver++, unipc"),
        ("cameras", ["front", "front"], f"a list of different strings, each matching {CAMERA_NAME}"),
        ("cameras", ["front left"], f"a list of different strings, each matching {CAMERA_NAME}"),
        ("cameras", [""], f"a list of different strings, each matching {CAMERA_NAME}"),
        ("cameras", "front", f"a list of different strings, each matching {CAMERA_NAME}"),
        ("cameras", [1, 2], f"a list of different strings, each matching {CAMERA_NAME}"),
    ],
)
def test_refusal_names_parameter_value_and_expectation(make_node, name, value, expectation):
    with pytest.raises(ConfigurationError) as error:
        NodeParameters(make_node(**{name: value}))
    assert str(error.value) == f"parameter {name!r} is {value!r}; expected {expectation}"


def test_every_parameter_is_described_with_its_range_and_when_it_may_change(make_node):
    node = make_node()
    NodeParameters(node)
    for spec in PARAMETERS:
        descriptor = node.describe_parameter(spec.name)
        assert descriptor.description
        ranges = [*descriptor.integer_range, *descriptor.floating_point_range]
        is_number = isinstance(spec.default, int | float) and not isinstance(spec.default, bool)
        assert [(r.from_value, r.to_value) for r in ranges] == [spec.limits] * is_number
        assert descriptor.read_only == (spec.name == "autostart")
        assert descriptor.additional_constraints == f"{spec.expectation()}; {spec.change.value}"


def test_change_takes_effect_as_a_whole_and_refused_ones_do_not(make_node):
    node = make_node()
    parameters = NodeParameters(node)
    before = parameters.settings
    assert not node.set_parameters([Parameter("overlay_alpha", value=1.0 + 1e-9)])[0].successful
    assert not node.set_parameters([Parameter("steps", value=0)])[0].successful
    assert parameters.settings is before
    assert node.set_parameters([Parameter("overlay_alpha", value=0.75), Parameter("steps", value=9)])[0].successful
    assert parameters.settings.overlay_alpha == 0.75
    assert parameters.settings.sampling.steps == 9
    assert parameters.settings.engine.model == before.engine.model


@pytest.mark.parametrize("spec", PARAMETERS, ids=lambda spec: spec.name)
def test_none_can_be_deleted(make_node, spec):
    node = make_node()
    parameters = NodeParameters(node)
    before = parameters.settings
    result = node.set_parameters([Parameter(spec.name, Parameter.Type.NOT_SET)])[0]
    assert not result.successful
    if isinstance(spec.default, tuple):  # all others are refused by rclpy
        assert result.reason == f"parameter {spec.name!r} cannot be deleted; expected {spec.expectation()}"
    assert node.has_parameter(spec.name)
    assert parameters.settings is before


def test_two_that_contradict_each_other_are_refused(make_node):
    message = "int8 and torch_compile are both true; expected one of them at most"
    with pytest.raises(ConfigurationError, match=message):
        NodeParameters(make_node(int8=True, torch_compile=True))
    node = make_node(int8=True)
    parameters = NodeParameters(node)
    assert node.set_parameters([Parameter("torch_compile", value=True)])[0].reason == message
    assert not parameters.settings.engine.torch_compile
    both = [Parameter("int8", value=False), Parameter("torch_compile", value=True)]
    assert node.set_parameters_atomically(both).successful
    assert parameters.settings.engine.torch_compile


def test_what_is_read_at_configure_is_fixed_until_cleanup(make_node):
    node, is_configured = make_node(), False
    parameters = NodeParameters(node, lambda: is_configured)
    fixed = [spec.name for spec in PARAMETERS if spec.change is Change.UNCONFIGURED]
    assert node.set_parameters([Parameter("model", value="other")])[0].successful
    is_configured = True
    for name in fixed:
        spec = next(spec for spec in PARAMETERS if spec.name == name)
        value = ["front"] if isinstance(spec.default, tuple) else spec.default
        if value == spec.default and name != "model":
            continue
        result = node.set_parameters([Parameter(name, value=value)])[0]
        assert result.reason == f"parameter {name!r} is fixed while the node is configured; clean up first"
    assert parameters.settings.engine.model == "other"
    assert node.set_parameters([Parameter("model", value="other")])[0].successful  # no change
    is_configured = False
    assert node.set_parameters([Parameter("cameras", value=["front", "sensing/left"])])[0].successful
    assert parameters.settings.cameras == ("front", "sensing/left")
    assert node.set_parameters([Parameter("cameras", Parameter.Type.BOOL_ARRAY, [])])[0].successful  # as `[]` is sent
    assert parameters.settings.cameras == ()


def test_yaml_file_has_exactly_the_parameters_with_their_defaults():
    content = yaml.safe_load(YAML_FILE.read_text())
    defaults = {s.name: list(s.default) if isinstance(s.default, tuple) else s.default for s in PARAMETERS}
    assert content == {"/**": {"ros__parameters": defaults}}
    assert list(content["/**"]["ros__parameters"]) == list(defaults)


def test_yaml_file_is_read_as_it_stands(ros_domain):
    context = rclpy.Context()
    rclpy.init(args=["--ros-args", "--params-file", str(YAML_FILE)], context=context, domain_id=ros_domain)
    try:
        assert NodeParameters(Node("camseg", context=context)).settings.engine == EngineSettings()
    finally:
        rclpy.shutdown(context=context)


def test_names_given_that_are_no_parameter_are_warned_of_with_the_nearest_one(ros_domain, capfd):
    given = ["drift_referense:=auto", "step:=3", "colour:=red", "seed:=1"]
    of_ros = ["use_sim_time:=true", "start_type_description_service:=false"]
    of_ros.append("qos_overrides./clock.subscription.depth:=2")
    context = rclpy.Context()
    arguments = ["--ros-args", *itertools.chain(*(("-p", one) for one in given + of_ros))]
    rclpy.init(args=arguments, context=context, domain_id=ros_domain)
    try:
        NodeParameters(Node("camseg", context=context))
    finally:
        rclpy.shutdown(context=context)
    said = [line.partition("parameter ")[2] for line in capfd.readouterr().err.splitlines() if "[WARN]" in line]
    assert sorted(said) == [
        "'colour' is none of this node's and is ignored",
        "'drift_referense' is none of this node's and is ignored; did you mean 'drift_reference'?",
        "'step' is none of this node's and is ignored; did you mean 'steps'?",
    ]


def test_every_value_in_the_yaml_file_has_a_comment():
    lines = [line.strip() for line in YAML_FILE.read_text().splitlines()]
    names = {spec.name for spec in PARAMETERS}
    values = [(line, before) for before, line in itertools.pairwise(lines) if line.partition(":")[0] in names]
    assert len(values) == len(PARAMETERS)
    assert [line for line, before in values if "#" not in line and not before.startswith("#")] == []


def test_classes_are_those_of_the_model(make_node):
    node = make_node(classes=["road", "dog"])
    parameters = NodeParameters(node)
    with pytest.raises(ConfigurationError, match=r"'classes' names \['dog'\]; expected some of road, sky"):
        parameters.know_classes(("road", "sky"))
    assert node.set_parameters([Parameter("classes", value=["sky"])])[0].successful
    parameters.know_classes(("road", "sky"))
    refused = node.set_parameters([Parameter("classes", value=["car"])])[0]
    assert refused.reason == "parameter 'classes' names ['car']; expected some of road, sky"
    assert parameters.settings.classes == ("sky",)


@pytest.mark.parametrize(
    ("parameters", "largest_batch"),
    [
        ({}, 1),
        ({"cameras": ["front", "left"]}, 2),
        ({"cameras": ["front", "left"], "max_batch": 1}, 1),
        ({"cameras": ["front", "left"], "max_batch": 3}, 2),
        ({"max_batch": 64}, 1),
        ({"cameras": ["front", "left"], "int8": True}, 1),
        ({"cameras": ["front", "left"], "int8": True, "max_batch": 2}, 2),
    ],
)
def test_engine_is_made_ready_for_a_frame_of_each_camera_unless_told_less(make_node, parameters, largest_batch):
    assert NodeParameters(make_node(**parameters)).settings.engine.max_batch == largest_batch
