"""A JSON schema of the node's parameter file, so that an editor completes and checks it.

python -m camseg_ros.parameter_schema > config/camseg.schema.json
"""

import json
import sys
from typing import Any

from camseg_ros.parameters import PARAMETERS, ParameterSpec

_KINDS = {str: "string", bool: "boolean", int: "integer", float: "number"}


def parameter_schema() -> dict[str, Any]:
    """A schema (draft 2020-12) of files with the parameters of one node or of several, by node name or wildcard."""
    parameters = {spec.name: _value_schema(spec) for spec in PARAMETERS}
    parameters["use_sim_time"] = {"type": "boolean", "default": False, "description": "take the time from /clock"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Parameters of camseg_node",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["ros__parameters"],
            "additionalProperties": False,
            "properties": {
                "ros__parameters": {"type": "object", "additionalProperties": False, "properties": parameters}
            },
        },
    }


def _value_schema(spec: ParameterSpec) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": f"{spec.description}; {spec.change.value}"}
    if isinstance(spec.default, tuple):
        items: dict[str, Any] = {"type": "string"}
        if spec.choices:
            items["enum"] = list(spec.choices)
        if spec.pattern:
            items["pattern"] = f"^{spec.pattern}$"
        return schema | {"type": "array", "items": items, "uniqueItems": True, "default": list(spec.default)}
    schema |= {"type": _KINDS[type(spec.default)], "default": spec.default}
    if spec.limits is not None:
        schema |= {"minimum": spec.limits[0], "maximum": spec.limits[1]}
    if spec.choices:
        schema["enum"] = list(spec.choices)
    return schema


def main() -> None:
    """Prints the schema."""
    json.dump(parameter_schema(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
