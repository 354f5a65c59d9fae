"""Checkpoints are read without running anything they hold."""

import argparse
import collections
import pathlib
import pickle
import sys
from types import ModuleType

import pytest
import torch

from camseg_core.errors import WeightsError
from camseg_core.foreign_weights import read_checkpoint

TENSOR = torch.arange(3.0)


class Harm:
    """Would make a file when it is unpickled."""

    def __init__(self, target: pathlib.Path) -> None:
        self.target = target

    def __reduce__(self):
        return pathlib.Path.touch, (self.target,)


def test_tensors_are_read_beside_what_training_leaves_there(tmp_path, monkeypatch):
    # A callback of a package that is not installed, as a class and as an object.
    package = ModuleType("pytorch_lightning")
    callback = type("Callback", (), {"__module__": "pytorch_lightning"})
    package.Callback = callback
    path = tmp_path / "model.ckpt"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pytorch_lightning", package)
        state = callback()
        state.best = 0.5
        content = {"state_dict": {"w": TENSOR}, "callbacks": {callback: state}, "args": argparse.Namespace(lr=1.0)}
        torch.save(content, path)
    assert torch.equal(read_checkpoint(path, "state_dict").take("w", (3,)), TENSOR)


def test_half_precision_becomes_single(tmp_path):
    torch.save({"model": {"w": TENSOR.half()}}, tmp_path / "model.pth")
    assert read_checkpoint(tmp_path / "model.pth", "model").take("w", (3,)).dtype == torch.float32


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    path, target = tmp_path / "model.pth", tmp_path / "touched"
    torch.save({"model": {"w": TENSOR}, "args": Harm(target)}, path)
    with pytest.raises(WeightsError, match=r"model.pth: holds .* objects, whose code is not run"):
        read_checkpoint(path, "model")
    assert not target.exists()


def test_objects_of_other_packages_are_refused(tmp_path):
    torch.save({"model": {"w": TENSOR}, "args": collections.UserDict()}, tmp_path / "model.pth")
    with pytest.raises(WeightsError, match=r"model.pth: holds collections.UserDict objects, whose code is not run"):
        read_checkpoint(tmp_path / "model.pth", "model")


@pytest.mark.parametrize("keep", [0, 100, 700])
def test_a_file_cut_short_is_named(tmp_path, keep):
    path = tmp_path / "model.pth"
    torch.save({"model": {"w": TENSOR}}, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=rf"model.pth: is not a whole checkpoint \({keep} bytes"):
        read_checkpoint(path, "model")


def test_a_plain_pickle_is_named(tmp_path):
    (tmp_path / "model.pth").write_bytes(pickle.dumps({"model": {}}))
    with pytest.raises(WeightsError, match=r"model.pth: is not a whole checkpoint"):
        read_checkpoint(tmp_path / "model.pth", "model")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"model.pth: no such file"):
        read_checkpoint(tmp_path / "model.pth", "model")


@pytest.mark.parametrize("content", [{"state_dict": {"w": TENSOR}}, {"model": TENSOR}, [TENSOR], TENSOR])
def test_another_layout_is_named(tmp_path, content):
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(WeightsError, match=r"model.pth: holds no state dict under 'model'; found"):
        read_checkpoint(tmp_path / "model.pth", "model")
