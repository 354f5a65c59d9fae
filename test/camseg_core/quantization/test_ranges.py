"""Ranges lie beside the weights that they were found with, and serve no others."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from camseg_core.autoencoders.fast_decoder import FILE_NAME as FAST_DECODER
from camseg_core.errors import WeightsError
from camseg_core.model_files import WEIGHTS_NAME
from camseg_core.quantization.ranges import FILE_NAME, InputRanges


@pytest.fixture
def folder(wide_model, tmp_path):
    return shutil.copytree(wide_model, tmp_path / "model")


def test_what_was_saved_is_loaded(folder):
    ranges = InputRanges({"stem.to_half.0": (-0.25, 1.5), "head.cond_embed": (0.0, 3.0)})
    assert ranges.save(folder) == folder / FILE_NAME
    assert InputRanges.load(folder) == ranges


def test_a_model_without_any_says_how_to_make_them(folder):
    (folder / FILE_NAME).unlink()
    with pytest.raises(WeightsError, match=rf"{FILE_NAME}: no such file; .*camseg weights quantize"):
        InputRanges.load(folder)


@pytest.mark.parametrize("name", [WEIGHTS_NAME, FAST_DECODER])
def test_those_of_other_weights_are_refused(folder, name):
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(WeightsError, match=rf"was made with a {name} of hash \w+; expected \w+.*make it anew"):
        InputRanges.load(folder)


def test_a_fast_decoder_that_came_later_is_missed(folder):
    fast = (folder / FAST_DECODER).read_bytes()
    (folder / FAST_DECODER).unlink()
    InputRanges({"a": (0.0, 1.0)}).save(folder)
    InputRanges.load(folder)
    (folder / FAST_DECODER).write_bytes(fast)
    with pytest.raises(WeightsError, match=rf"made with a {FAST_DECODER} of hash None; expected \w+"):
        InputRanges.load(folder)


@pytest.mark.parametrize("content", [b"", b"no ranges"])
def test_a_damaged_file_is_named(folder, content):
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(WeightsError, match=f"{FILE_NAME}: holds no ranges"):
        InputRanges.load(folder)


def test_other_tensors_are_no_ranges(folder):
    save_file({"weight": torch.zeros(3)}, folder / FILE_NAME, {"found_with": "{}"})
    with pytest.raises(WeightsError, match=f"{FILE_NAME}: holds no ranges"):
        InputRanges.load(folder)


@pytest.mark.parametrize("ends", [(1.0, 2.0), (-2.0, -1.0), (0.0, 0.0), (0.0, float("nan")), (2.0, -2.0)])
def test_what_is_no_range_about_zero_is_named(folder, ends):
    InputRanges({"head": ends}).save(folder)
    with pytest.raises(WeightsError, match=rf"{FILE_NAME}: head: .* is no range about 0"):
        InputRanges.load(folder)
