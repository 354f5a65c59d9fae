"""EmbeddingDrift.msg is its own documentation, and says the same as the Python result it is filled from."""

import re
from pathlib import Path

import pytest

from camseg_core.frames import DriftState

LINES = (Path(__file__).resolve().parents[2] / "msg" / "EmbeddingDrift.msg").read_text().splitlines()
DECLARATIONS = [line for line in LINES if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("line", DECLARATIONS)
def test_every_field_and_constant_has_a_comment(line: str) -> None:
    declaration, _, comment = line.partition("#")
    assert len(declaration.split()) == 2
    assert len(comment.strip()) > 10


def test_header_comes_first() -> None:
    fields = [line for line in DECLARATIONS if "=" not in line.partition("#")[0]]
    assert fields[0].split()[:2] == ["std_msgs/Header", "header"]


def test_states_are_those_of_the_core() -> None:
    constants = dict(re.findall(r"^uint8 ([A-Z]+)=(\d+)", "\n".join(DECLARATIONS), flags=re.MULTILINE))
    assert {name: int(value) for name, value in constants.items()} == {state.name: state.value for state in DriftState}


@pytest.mark.ros
def test_built_message_is_the_one_in_the_source() -> None:
    from camseg_ros.msg import EmbeddingDrift

    declared = [line.split()[1] for line in DECLARATIONS if "=" not in line.partition("#")[0]]
    assert list(EmbeddingDrift.get_fields_and_field_types()) == declared
