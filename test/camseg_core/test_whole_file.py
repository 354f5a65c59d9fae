"""Files that are there whole or not at all."""

import stat
from dataclasses import dataclass

import numpy as np
import pytest
from safetensors.numpy import load_file
from torch import nn

from camseg_core.weights_files import WEIGHTS_NAME, save_module
from camseg_core.whole_file import write_whole


@dataclass(frozen=True)
class NoSettings:
    """Of a module that has no settings."""


def test_what_was_there_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "answer.bin"
    path.write_bytes(b"longer than what comes")
    write_whole(path, b"forty-two")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"answer.bin": b"forty-two"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "answer.bin", b"forty-two")


def test_weights_can_be_read_by_whoever_can_read_the_files_beside_them(tmp_path):
    module = nn.Linear(2, 3)
    save_module(module, NoSettings(), tmp_path)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 2
    assert len(modes) == 1
    np.testing.assert_array_equal(load_file(tmp_path / WEIGHTS_NAME)["weight"], module.weight.detach().numpy())
