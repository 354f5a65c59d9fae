"""Every parameter of the node with its default, description and range; validation into one dataclass."""

from dataclasses import dataclass, fields, replace
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from camseg_core.errors import ConfigurationError
from camseg_core.runtime.engine import EngineSettings


@dataclass(frozen=True)
class ParameterSpec:
    """One parameter.

    Attributes:
        name: as in the YAML file.
        default: its type is the parameter's type.
        description: with the unit.
        limits: smallest and largest value of a number, both included.
        read_only: whether it is fixed from the start of the node.
    """

    name: str
    default: str | int | float
    description: str
    limits: tuple[int, int] | tuple[float, float] | None = None
    read_only: bool = True

    def expectation(self) -> str:
        """What a value must be, in words."""
        kind = {str: "a string", int: "an integer", float: "a number with a decimal point"}[type(self.default)]
        return kind if self.limits is None else f"{kind} from {self.limits[0]} to {self.limits[1]}"

    def accepts(self, value: Any) -> bool:
        """Whether ``value`` has the type and lies in the range."""
        has_type = type(value) is type(self.default)
        return has_type and (self.limits is None or self.limits[0] <= value <= self.limits[1])

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that ``ros2 param describe`` shows."""
        descriptor = ParameterDescriptor(
            name=self.name,
            type=Parameter.Type.from_parameter_value(self.default).value,
            description=self.description,
            read_only=self.read_only,
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
    ParameterSpec("model", _ENGINE.model, "name of a shipped model, or folder with config.json and model.safetensors"),
    ParameterSpec("device", _ENGINE.device, "where to infer: auto (the first GPU if there is one), cpu or cuda:N"),
    ParameterSpec("steps", _ENGINE.steps, "diffusion steps a frame; more are slower", (1, 1000)),
    ParameterSpec("sampler", _ENGINE.sampler, "diffusion sampler: ddim, ddpm, dpmsolver++ or unipc"),
    ParameterSpec(
        "seed", _ENGINE.seed, "of the diffusion noise; the same seed and frame give the same mask", (0, 2**31 - 1)
    ),
    ParameterSpec(
        "drift_reference",
        _ENGINE.drift_reference,
        "path of a .safetensors file made by camseg drift fit; empty: the one shipped with the model",
    ),
    ParameterSpec(
        "overlay_alpha", 0.5, "share of the class colour in the overlay, fraction", (0.0, 1.0), read_only=False
    ),
    ParameterSpec(
        "stale_after_s", 2.0, "time without a frame after which diagnostics say STALE, seconds", (0.1, 3600.0)
    ),
)
"""All of them, in the order of ``config/camseg.yaml``."""


@dataclass(frozen=True)
class NodeSettings:
    """The node's parameters after validation.

    Attributes:
        engine: model, device and sampling.
        overlay_alpha: share of the class colour in the overlay, 0 to 1.
        stale_after_s: time without a frame after which the camera counts as stale, seconds.
    """

    engine: EngineSettings
    overlay_alpha: float
    stale_after_s: float


class NodeParameters:
    """The parameters declared on a node, and their present values."""

    def __init__(self, node: Node) -> None:
        """Declares all parameters on ``node``.

        Raises:
            ConfigurationError: a value given by YAML file or command line has the wrong type or is out of its range.
        """
        values = {spec.name: _declare(node, spec) for spec in PARAMETERS}
        engine_fields = {field.name for field in fields(EngineSettings)}
        self.settings = NodeSettings(
            engine=EngineSettings(**{name: value for name, value in values.items() if name in engine_fields}),
            **{name: value for name, value in values.items() if name not in engine_fields},
        )
        """Replaced as a whole when a parameter changes, so that any thread reads a consistent one."""
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _check(self, changes: list[Parameter]) -> SetParametersResult:
        # rclpy's own range check lets values through that are a rounding error outside.
        for spec, value in _known(changes):
            if not spec.accepts(value):
                return SetParametersResult(successful=False, reason=_refusal(spec, value))
        return SetParametersResult(successful=True)

    def _apply(self, changes: list[Parameter]) -> None:
        self.settings = replace(self.settings, **{spec.name: value for spec, value in _known(changes)})


def _known(changes: list[Parameter]) -> list[tuple[ParameterSpec, Any]]:
    """Our own among the changed parameters; others, such as use_sim_time, are rclpy's."""
    specs = {spec.name: spec for spec in PARAMETERS}
    return [(specs[change.name], change.value) for change in changes if change.name in specs]


def _declare(node: Node, spec: ParameterSpec) -> Any:
    # Declared without type and range at first: rclpy's own errors do not say what was expected.
    value = node.declare_parameter(spec.name, spec.default, ParameterDescriptor(dynamic_typing=True)).value
    if not spec.accepts(value):
        raise ConfigurationError(_refusal(spec, value))
    node.set_descriptor(spec.name, spec.descriptor())
    return value


def _refusal(spec: ParameterSpec, value: object) -> str:
    return f"parameter {spec.name!r} is {value!r}; expected {spec.expectation()}"
