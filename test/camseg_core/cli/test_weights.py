"""``camseg weights``: conversion and pulling, and what is said about running the model afterwards."""

import argparse
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.errors import CamsegError, DriftReferenceError
from camseg_core.model_files import model_folder
from camseg_core.models.camseg import official
from camseg_core.models.camseg.configuration import camseg_base
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings

FIXTURES = Path(__file__).parents[2] / "fixtures" / "camseg_official"


@pytest.fixture
def files(tmp_path):
    vae, transformer = tmp_path / "modelf16.ckpt", tmp_path / "city768.16.pth"
    torch.save({"state_dict": load_file(FIXTURES / "autoencoder_weights.safetensors")}, vae)
    weights = load_file(FIXTURES / "transformer_weights.safetensors")
    torch.save({"model": weights, "args": argparse.Namespace()}, transformer)
    return ["--vae", str(vae), "--transformer", str(transformer)]


def run(*arguments: str):
    return CliRunner().invoke(app, ["weights", *arguments])


def test_a_converted_model_is_found_and_asks_for_its_drift_reference(files, tmp_path):
    out = tmp_path / "camseg-tiny"
    result = run("convert", *files, "--out", str(out), "--heads", "4")
    assert result.exit_code == 0
    assert f"camseg drift fit --model {out} --clear DRIVE --out {out}/drift_reference.safetensors" in result.output
    with pytest.raises(DriftReferenceError, match="camseg drift fit"):
        InferenceEngine(EngineSettings(model=str(out), device="cpu"))


def test_bad_files_are_an_error_of_one_line(files, tmp_path):
    result = run("convert", files[0], files[3], files[2], files[1], "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, CamsegError)
    assert "city768.16.pth: holds no state dict under 'state_dict'" in str(result.exception)


def test_a_pulled_model_is_found_by_its_name(tmp_path, monkeypatch):
    def pull(folder, ema):
        # In place of 3 GB from the hub.
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        return camseg_base()

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(official, "pull", pull)
    result = run("pull", "camseg-base")
    assert result.exit_code == 0
    assert model_folder("camseg-base") == tmp_path / "camseg" / "camseg-base"
    assert "camseg drift fit --model camseg-base --clear DRIVE --out" in result.output


def test_only_published_models_can_be_pulled():
    result = run("pull", "camseg-huge")
    assert isinstance(result.exception, CamsegError)
    assert "'camseg-huge' cannot be pulled; expected 'camseg-base'" in str(result.exception)


def test_a_random_model_runs_with_a_reference_of_its_own_first_frames(tmp_path):
    out = tmp_path / "random"
    result = run("random", "camseg-tiny", "--out", str(out))
    assert result.exit_code == 0, result.output
    engine = InferenceEngine(EngineSettings(model=str(out), device="cpu", drift_reference="auto"))
    assert engine.model_id == "camseg-tiny"
    other = run("random", "camseg-huge", "--out", str(out))
    assert isinstance(other.exception, CamsegError)
    assert "'camseg-huge' is unknown; expected one of camseg-tiny, camseg-base" in str(other.exception)
