"""Every parameter of the node with its default, description and range; validation into one dataclass."""

import difflib
import re
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from camseg_core.errors import ConfigurationError
from camseg_core.models.settings import DECODERS, SAMPLERS, SamplingSettings
from camseg_core.runtime.settings import EngineSettings

OUTPUTS = (
    "mask",
    "mask_color",
    "overlay",
    "confidence",
    "camera_info",
    "drift",
    "drift/score",
    "drift/heatmap",
    "debug",
)
"""What the node can publish of a frame, by topic below the node's (or the camera's) name."""

Value = str | bool | int | float | tuple[str, ...]


class Change(Enum):
    """When a parameter may change."""

    ANY_TIME = "may change at any time, from the next frame on"
    UNCONFIGURED = "may change while the node is unconfigured"
    NEVER = "read when the node starts"


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Attributes:
        name: as in the YAML file.
        default: its type is the parameter's type; a tuple of strings stands for a list.
        description: with the unit.
        limits: smallest and largest value of a number, both included.
        choices: what a string, or each string of a list, may be; none: anything.
        pattern: regular expression that each string of a list matches whole; none: anything.
        change: when it may change.
    """

    name: str
    default: Value
    description: str
    limits: tuple[int, int] | tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    change: Change = Change.UNCONFIGURED

    def expectation(self) -> str:
        """What a value must be, in words."""
        kinds = {
            str: "a string",
            bool: "true or false",
            int: "an integer",
            float: "a number with a decimal point",
            tuple: "a list of different strings",
        }
        kind = kinds[type(self.default)]
        if self.limits is not None:
            return f"{kind} from {self.limits[0]} to {self.limits[1]}"
        if self.choices:
            names = ", ".join(self.choices)
            return f"{kind}, each one of {names}" if isinstance(self.default, tuple) else f"one of {names}"
        return f"{kind}, each matching {self.pattern}" if self.pattern else kind

    def accepts(self, value: Any) -> bool:
        """Whether ``value``, as ``normalized`` gives it, has the type and lies in the range."""
        if type(value) is not type(self.default):
            return False
        if isinstance(value, tuple):
            return len(set(value)) == len(value) and all(isinstance(v, str) and self._accepts_name(v) for v in value)
        if isinstance(value, str):
            return self._accepts_name(value)
        return self.limits is None or self.limits[0] <= value <= self.limits[1]

    def normalized(self, value: Any) -> Any:
        """A value as rclpy has it, lists as tuples; an empty list comes in any type, from a YAML file in none."""
        if not isinstance(self.default, tuple):
            return value
        return tuple(value) if isinstance(value, list | tuple | array) else () if value is None else value

    def _accepts_name(self, value: str) -> bool:
        if self.choices and value not in self.choices:
            return False
        return not self.pattern or re.fullmatch(self.pattern, value) is not None

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that ``ros2 param describe`` shows."""
        is_list = isinstance(self.default, tuple)
        descriptor = ParameterDescriptor(
            name=self.name,
            type=(Parameter.Type.STRING_ARRAY if is_list else Parameter.Type.from_parameter_value(self.default)).value,
            description=self.description,
            additional_constraints=f"{self.expectation()}; {self.change.value}",
            read_only=self.change is Change.NEVER,
            # Tools send an empty list as one of another type.
            dynamic_typing=is_list,
        )
        if self.limits is not None:
            low, high = self.limits
            if isinstance(self.default, int):
                descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        return descriptor


_ENGINE = EngineSettings()

PARAMETERS: tuple[ParameterSpec, ...] = (
    ParameterSpec(
        "autostart",
        True,
        "configure and activate by itself; false: wait for a lifecycle manager",
        change=Change.NEVER,
    ),
    ParameterSpec(
        "cameras",
        (),
        "names of cameras, each on NAME/image_raw with outputs below ~/NAME;"
        " none: one camera on camera/image_raw with outputs below ~",
        pattern="[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*",
    ),
    ParameterSpec(
        "image_transport",
        "raw",
        "raw: sensor_msgs/Image; compressed: sensor_msgs/CompressedImage, JPEG or PNG, on the topic with /compressed",
        choices=("raw", "compressed"),
    ),
    ParameterSpec(
        "image_reliability",
        "best_effort",
        "reliability of the image subscription; best_effort matches every publisher",
        choices=("best_effort", "reliable"),
    ),
    ParameterSpec("image_depth", 1, "frames the image subscription keeps until they are taken", (1, 100)),
    ParameterSpec(
        "image_durability",
        "volatile",
        "durability of the image subscription; volatile matches every publisher",
        choices=("volatile", "transient_local"),
    ),
    ParameterSpec("model", _ENGINE.model, "name of a shipped model, or folder with config.json and model.safetensors"),
    ParameterSpec("device", _ENGINE.device, "where to infer: auto (the first GPU if there is one), cpu or cuda:N"),
    ParameterSpec(
        "decoder",
        _ENGINE.decoder,
        "what turns mask latents into classes: full, the mask autoencoder's own decoder, or fast, a small network",
        choices=DECODERS,
    ),
    ParameterSpec(
        "torch_compile",
        _ENGINE.torch_compile,
        "have torch.compile make the model's kernels, for minutes of waiting at the start; camseg bench inference tells"
        " whether it pays",
    ),
    ParameterSpec(
        "int8",
        _ENGINE.int8,
        "have OpenVINO compute the model, its wide layers in integers of eight bits; for CPUs, and for models with"
        " ranges from camseg weights quantize",
    ),
    ParameterSpec(
        "drift_reference",
        _ENGINE.drift_reference,
        "path of a .safetensors file made by camseg drift fit; empty: the one shipped with the model;"
        " auto: fitted on each camera's first frames",
    ),
    ParameterSpec(
        "drift_collect_s",
        _ENGINE.drift.collect_s,
        "with drift_reference auto, how long a camera's first frames are taken for clear driving, seconds",
        (1.0, 3600.0),
    ),
    ParameterSpec(
        "max_batch",
        0,
        "frames inferred at once, at most one of a camera and so never more than there are cameras;"
        " 0: all that wait on a GPU, one by one on a CPU",
        (0, 64),
    ),
    ParameterSpec(
        "gpu_memory_fraction",
        _ENGINE.gpu_memory_fraction,
        "share of the GPU's memory that the node may take",
        (0.01, 1.0),
    ),
    ParameterSpec(
        "steps", _ENGINE.steps, "diffusion steps a frame; more are slower", (1, 1000), change=Change.ANY_TIME
    ),
    ParameterSpec(
        "sampler", _ENGINE.sampler, "diffusion sampler", choices=tuple(sorted(SAMPLERS)), change=Change.ANY_TIME
    ),
    ParameterSpec(
        "seed",
        _ENGINE.seed,
        "of the diffusion noise; the same seed and frame give the same mask",
        (0, 2**31 - 1),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "num_samples",
        _ENGINE.num_samples,
        "masks drawn of each frame; their majority is the result, their agreement its confidence",
        (1, 100),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "drift_run_length_s",
        _ENGINE.drift.expected_run_length_s,
        "mean time between false drift alarms on clear driving, seconds; the alarm's threshold follows from it",
        (1.0, 1e7),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "drift_threshold_scale",
        _ENGINE.drift.threshold_scale,
        "by what the reference's warn and error threshold are multiplied; above 1.0 fewer alarms count as ERROR",
        (0.1, 10.0),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "monitor_drift",
        True,
        "infer frames also while nobody subscribes to an output, so that diagnostics always know the drift;"
        " false: only while somebody does",
        change=Change.ANY_TIME,
    ),
    ParameterSpec("outputs", OUTPUTS, "what is published", choices=OUTPUTS, change=Change.ANY_TIME),
    ParameterSpec(
        "output_size",
        "camera",
        "size of masks and pictures: the camera's, or the model's own, which is cheaper",
        choices=("camera", "model"),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "classes",
        (),
        "names of the classes that masks hold, all other pixels being 255; none: every class",
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "overlay_alpha",
        0.5,
        "share of the class colour in the overlay, fraction",
        (0.0, 1.0),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "max_age_s",
        0.0,
        "age, now minus the camera's stamp, above which a frame is dropped, seconds; 0.0: never",
        (0.0, 3600.0),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "stale_after_s",
        2.0,
        "time without a frame after which diagnostics say STALE, or without a result ERROR, seconds",
        (0.1, 3600.0),
        change=Change.ANY_TIME,
    ),
    ParameterSpec(
        "expected_rate_hz",
        0.0,
        "frames a second that a camera should send; diagnostics warn when it is off by over a tenth; 0.0: any",
        (0.0, 1000.0),
        change=Change.ANY_TIME,
    ),
)
"""All of them, in the order of ``config/camseg.yaml``."""


@dataclass(frozen=True)
class NodeSettings:
    """The node's parameters after validation.

    Attributes:
        engine: model, device and sampling; all others are described in ``PARAMETERS``.
    """

    engine: EngineSettings
    autostart: bool
    cameras: tuple[str, ...]
    image_transport: str
    image_reliability: str
    image_depth: int
    image_durability: str
    max_batch: int
    monitor_drift: bool
    outputs: tuple[str, ...]
    output_size: str
    classes: tuple[str, ...]
    overlay_alpha: float
    max_age_s: float
    stale_after_s: float
    expected_rate_hz: float

    @property
    def sampling(self) -> SamplingSettings:
        """How the next mask is drawn."""
        engine = self.engine
        return SamplingSettings(engine.steps, engine.sampler, engine.seed, engine.num_samples)


class NodeParameters:
    """The parameters declared on a node, and their present values."""

    def __init__(self, node: Node, is_configured: Callable[[], bool] = lambda: False) -> None:
        """Declares all parameters on ``node``, and warns of each value that was given for another name.

        Args:
            node: where they are declared.
            is_configured: whether those that are fixed once configured are fixed now.

        Raises:
            ConfigurationError: a value given by YAML file or command line has the wrong type or is out of its range, or
                two contradict each other.
        """
        self._is_configured = is_configured
        self._known_classes: tuple[str, ...] | None = None
        self._values = {spec.name: _declare(node, spec) for spec in PARAMETERS}
        _warn_of_unknown(node)
        self.settings = _settings(self._values)
        """Replaced as a whole when a parameter changes, so that any thread reads a consistent one."""
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def know_classes(self, names: tuple[str, ...] | None) -> None:
        """Tells which classes the model has; None where no model is loaded.

        Raises:
            ConfigurationError: the parameter ``classes`` names others.
        """
        if names is not None and (refusal := _unknown_classes(self.settings.classes, names)):
            raise ConfigurationError(refusal)
        self._known_classes = names

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        deleted = {change.name for change in changes if change.type_ is Parameter.Type.NOT_SET}
        # rclpy's own range check lets values through that are a rounding error outside.
        for spec, value in _known(changes):
            if spec.name in deleted:  # of lists, whose type may change, rclpy would take away the name as well
                reason = f"parameter {spec.name!r} cannot be deleted; expected {spec.expectation()}"
                return SetParametersResult(successful=False, reason=reason)
            if not spec.accepts(value):
                return SetParametersResult(successful=False, reason=_refusal(spec, value))
            if spec.change is Change.UNCONFIGURED and self._is_configured() and value != self._values[spec.name]:
                return SetParametersResult(
                    successful=False,
                    reason=f"parameter {spec.name!r} is fixed while the node is configured; clean up first",
                )
            if spec.name == "classes" and self._known_classes is not None:
                refusal = _unknown_classes(value, self._known_classes)
                if refusal:
                    return SetParametersResult(successful=False, reason=refusal)
        try:
            _settings(self._with(changes))
        except ConfigurationError as error:  # two that contradict each other
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _with(self, changes: list[Parameter]) -> dict[str, Any]:
        """All values, with these among them."""
        return self._values | {spec.name: value for spec, value in _known(changes)}

    def _apply(self, changes: list[Parameter]) -> None:
        self._values = self._with(changes)
        self.settings = _settings(self._values)


def check_parameters(values: Mapping[str, Value]) -> None:
    """Raises ConfigurationError where a node would refuse these parameters, with the defaults of all others."""
    all_values = {spec.name: values.get(spec.name, spec.default) for spec in PARAMETERS}
    for spec in PARAMETERS:
        if not spec.accepts(all_values[spec.name]):
            raise ConfigurationError(_refusal(spec, all_values[spec.name]))
    _settings(all_values)


def _settings(values: dict[str, Any]) -> NodeSettings:
    """Raises ConfigurationError where values contradict each other."""
    drift = replace(
        _ENGINE.drift,
        expected_run_length_s=values["drift_run_length_s"],
        threshold_scale=values["drift_threshold_scale"],
        collect_s=values["drift_collect_s"],
    )
    engine_fields = {field.name for field in fields(EngineSettings)} & values.keys()
    node_fields = {field.name for field in fields(NodeSettings)} & values.keys()
    engine = {name: values[name] for name in engine_fields}
    # What the engine is made ready for: one frame of each camera, unless the parameter says less. More never come
    # together, because a batch has at most one frame of a camera, and the cameras are fixed while the engine lives.
    cameras = max(len(values["cameras"]), 1)
    # int8 is for CPUs, where frames go one by one unless the parameter says more.
    unasked = 1 if values["int8"] else cameras
    engine["max_batch"] = min(values["max_batch"] or unasked, cameras)
    return NodeSettings(
        engine=EngineSettings(drift=drift, **engine),
        **{name: values[name] for name in node_fields},
    )


def _known(changes: list[Parameter]) -> list[tuple[ParameterSpec, Any]]:
    """Our own among the changed parameters; others, such as use_sim_time, are rclpy's."""
    specs = {spec.name: spec for spec in PARAMETERS}
    return [
        (specs[change.name], specs[change.name].normalized(change.value)) for change in changes if change.name in specs
    ]


def _declare(node: Node, spec: ParameterSpec) -> Any:
    # Declared without type and range at first: rclpy's own errors do not say what was expected.
    parameter = node.declare_parameter(spec.name, spec.default, ParameterDescriptor(dynamic_typing=True))
    value = spec.normalized(parameter.value)
    if not spec.accepts(value):
        raise ConfigurationError(_refusal(spec, value))
    if isinstance(value, tuple):
        node.set_parameters([Parameter(spec.name, Parameter.Type.STRING_ARRAY, list(value))])
    node.set_descriptor(spec.name, spec.descriptor())
    return value


def _warn_of_unknown(node: Node) -> None:
    # rclpy ignores values for what nobody declares, and names them nowhere but here.
    for name in node._parameter_overrides:
        # ROS has declared its own by now, save the QoS of publishers and subscriptions that are still to come.
        if node.has_parameter(name) or name.startswith("qos_overrides."):
            continue
        close = difflib.get_close_matches(name, [spec.name for spec in PARAMETERS], n=1)
        suggestion = f"; did you mean {close[0]!r}?" if close else ""
        node.get_logger().warning(f"parameter {name!r} is none of this node's and is ignored{suggestion}")


def _unknown_classes(chosen: tuple[str, ...], known: tuple[str, ...]) -> str:
    """What is wrong with a choice of classes; empty where nothing is."""
    unknown = [name for name in chosen if name not in known]
    return f"parameter 'classes' names {unknown}; expected some of {', '.join(known)}" if unknown else ""


def _refusal(spec: ParameterSpec, value: object) -> str:
    shown = list(value) if isinstance(value, tuple) else value
    return f"parameter {spec.name!r} is {shown!r}; expected {spec.expectation()}"
