"""The JSON schema beside the parameter file: generated from the parameters, and it tells good files from bad ones."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from camseg_ros.parameter_schema import parameter_schema

pytestmark = pytest.mark.ros

CONFIG = Path(__file__).resolve().parents[2] / "config"
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": float | int}


def problems(value: Any, schema: dict[str, Any], where: str = "file") -> list[str]:
    """What JSON Schema has against a value, of the keywords that our schema uses and no others."""
    annotations = {"$schema", "title", "description", "default"}
    checks = {"type", "enum", "minimum", "maximum", "items", "pattern", "uniqueItems"}
    assert schema.keys() <= annotations | checks | {"properties", "additionalProperties", "required"}
    kind = schema["type"]
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        return [f"{where} is not of type {kind}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is none of {schema['enum']}")
    if kind in ("integer", "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where} is out of range")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where} does not match")
    if kind == "array":
        found += [problem for item in value for problem in problems(item, schema["items"], where)]
        if schema.get("uniqueItems") and len(set(value)) < len(value):
            found.append(f"{where} repeats an item")
    if kind == "object":
        found += [f"{where} lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            part = schema.get("properties", {}).get(name, schema.get("additionalProperties", False))
            found += problems(item, part, name) if isinstance(part, dict) else [f"{name} is unknown"]
    return found


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return parameter_schema()


@pytest.fixture
def shipped() -> dict[str, Any]:
    return yaml.safe_load((CONFIG / "camseg.yaml").read_text())


def test_committed_schema_is_the_generated_one(schema):
    assert json.loads((CONFIG / "camseg.schema.json").read_text()) == schema


def test_shipped_parameter_file_keeps_to_the_schema(schema, shipped):
    assert problems(shipped, schema) == []


def test_node_names_and_simulated_time_are_allowed(schema):
    assert problems({"/front/camseg": {"ros__parameters": {"use_sim_time": True, "cameras": ["left"]}}}, schema) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("steps", 0, "steps is out of range"),
        ("steps", 2.5, "steps is not of type integer"),
        ("steps", True, "steps is not of type integer"),
        ("overlay_alpha", 1.5, "overlay_alpha is out of range"),
        ("sampler", "euler", "sampler is none of ['ddim', 'ddpm', 'dpmsolver++', 'unipc']"),
        ("cameras", ["front left"], "cameras does not match"),
        ("cameras", ["front", "front"], "cameras repeats an item"),
        ("autostart", "yes", "autostart is not of type boolean"),
        ("stepps", 1, "stepps is unknown"),
    ],
)
def test_mistakes_are_found(schema, shipped, name, value, problem):
    mistaken = copy.deepcopy(shipped)
    mistaken["/**"]["ros__parameters"][name] = value
    assert problems(mistaken, schema) == [problem]
