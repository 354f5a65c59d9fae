"""Files that are there whole or not at all."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from torch import nn

from camseg_core.errors import ConfigurationError
from camseg_core.model_files import WEIGHTS_NAME
from camseg_core.weights_files import save_module
from camseg_core.whole_file import check_writable, write_whole


@dataclass(frozen=True)
class NoSettings:
    """Of a module that has no settings."""


def test_what_was_there_is_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "answer.bin"
    path.write_bytes(b"longer than what comes")
    write_whole(path, b"forty-two")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"answer.bin": b"forty-two"}


def test_what_does_not_fit_leaves_what_was_there_and_nothing_else(tmp_path, file_size_limit):
    path = tmp_path / "answer.bin"
    path.write_bytes(b"forty-two")
    with file_size_limit(1000), pytest.raises(OSError, match=r"File too large: '.*answer\.bin'"):
        write_whole(path, bytes(2000))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"answer.bin": b"forty-two"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "answer.bin", b"forty-two")


def test_what_can_be_written_is_left_as_it_is_but_for_the_folder_it_goes_into(tmp_path):
    there, new = tmp_path / "there.json", tmp_path / "folder" / "new.json"
    there.write_text("{}")
    check_writable(there, new, None)
    assert there.read_text() == "{}"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "there.json"]


def test_a_pipe_is_not_opened_ahead_of_what_goes_through_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")  # opening it would wait for a reader


@pytest.mark.parametrize(
    ("path", "told"),
    [("folder", "Is a directory"), ("file/out.json", "File exists"), ("file/deeper/out.json", "Not a directory")],
)
def test_what_cannot_be_written_is_named(tmp_path, path, told):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=f"{path}: cannot be written .{told}.; expected a place for a file"):
        check_writable(tmp_path / path)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc")
def test_a_place_that_takes_no_files_is_named_even_to_root():
    with pytest.raises(ConfigurationError, match=r"/proc/out\.json: cannot be written"):
        check_writable(Path("/proc/out.json"))


def test_weights_can_be_read_by_whoever_can_read_the_files_beside_them(tmp_path):
    module = nn.Linear(2, 3)
    save_module(module, NoSettings(), tmp_path)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 2
    assert len(modes) == 1
    np.testing.assert_array_equal(load_file(tmp_path / WEIGHTS_NAME)["weight"], module.weight.detach().numpy())
