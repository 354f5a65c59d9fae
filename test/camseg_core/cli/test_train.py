"""``camseg train``: the three stages in order, from a dataset's folder to a model that loads."""

import json

import pytest
import torch
from typer.testing import CliRunner

from camseg_core.cli import train as commands
from camseg_core.cli.main import app
from camseg_core.errors import ConfigurationError, DatasetError, WeightsError
from camseg_core.model_files import SHIPPED_WEIGHTS
from camseg_core.models.loading import embedding_hash, load_model

pytestmark = pytest.mark.slow
SMALL = ["--batch-size", "1", "--size", "48x64", "--device", "cpu"]


def train(stage, root, out, steps, *more):
    arguments = ["train", stage, "--root", str(root), "--out", str(out), "--steps", str(steps), *SMALL, *more]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_from_autoencoders_to_a_model_that_loads_and_a_run_that_goes_on(tiny_camvid, tmp_path):
    for stage in ("image-autoencoder", "mask-autoencoder"):
        assert train(stage, tiny_camvid, tmp_path / stage, 1).exit_code == 0
    parts = [f"--{name}={tmp_path / name}" for name in ("image-autoencoder", "mask-autoencoder")]
    assert train("segmentation", tiny_camvid, tmp_path / "model", 1, *parts).exit_code == 0
    assert load_model(str(tmp_path / "model"), torch.device("cpu")).model_id == "camseg-small"

    assert train("segmentation", tiny_camvid, tmp_path / "model", 3, *parts).exit_code == 0
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "val_miou" in entry] == [1, 3]

    for option, value, told in (
        ("--seed", 7, "seed 0, now 7"),
        ("--learning-rate", 0.5, "learning_rate 0.001, now 0.5"),
        ("--initial-weights", tmp_path / "model", "start random, now weights "),
    ):
        with pytest.raises(ConfigurationError, match=f"model.recipe.json: was begun with {told}"):
            train("segmentation", tiny_camvid, tmp_path / "model", 4, *parts, option, str(value))


@pytest.mark.parametrize("stage", ["features", "segmentation", "discriminative"])
@pytest.mark.parametrize("with_validation", [False, True])
def test_val_is_trained_on_where_it_is_asked_for(tmp_path, monkeypatch, stage, with_validation):
    recipes = []
    monkeypatch.setattr(commands, f"train_{stage}", lambda recipe, *_: recipes.append(recipe))
    parts = [f"--{kind}-autoencoder=camseg-small" for kind in ("image", "mask")][: 2 if stage == "segmentation" else 1]
    result = train(stage, tmp_path, tmp_path / "out", 1, *parts, *(["--with-val"] if with_validation else []))
    assert result.exit_code == 0
    assert [recipe.with_validation for recipe in recipes] == [with_validation]


@pytest.mark.parametrize(
    ("stage", "option"),
    [
        ("features", "initial-features"),
        ("segmentation", "initial-features"),
        ("segmentation", "initial-weights"),
        ("discriminative", "initial-features"),
    ],
)
def test_a_run_starts_from_a_shipped_model_by_its_name(tmp_path, monkeypatch, stage, option):
    given = []
    monkeypatch.setattr(commands, f"train_{stage}", lambda *arguments: given.extend(arguments))
    parts = [f"--{kind}-autoencoder=camseg-small" for kind in ("image", "mask")][: 2 if stage == "segmentation" else 1]
    assert train(stage, tmp_path, tmp_path / "out", 1, *parts, f"--{option}", "camseg-small").exit_code == 0
    assert SHIPPED_WEIGHTS / "camseg-small" in given
    with pytest.raises(WeightsError, match=r"model 'no-such-model' is not there; expected one of .*camseg-small"):
        train(stage, tmp_path, tmp_path / "out", 1, *parts, f"--{option}", "no-such-model")


def test_a_shipped_model_is_trained_on_with_its_own_autoencoders_and_drift_references_stay_valid(tiny_camvid, tmp_path):
    parts = [f"--{part}=camseg-small" for part in ("image-autoencoder", "mask-autoencoder", "initial-weights")]
    assert train("segmentation", tiny_camvid, tmp_path, 1, *parts).exit_code == 0
    trained, shipped = (load_model(name, torch.device("cpu")) for name in (str(tmp_path), "camseg-small"))
    for part in ("image_autoencoder", "mask_autoencoder"):
        for name, value in getattr(shipped, part).state_dict().items():
            assert torch.equal(getattr(trained, part).state_dict()[name], value), name
    assert embedding_hash(str(tmp_path)) == embedding_hash("camseg-small")


@pytest.mark.parametrize("part", ["image", "mask"])
def test_an_autoencoder_that_is_not_there_is_named(tiny_camvid, tmp_path, part):
    parts = [f"--{kind}-autoencoder={'no-such' if kind == part else 'camseg-small'}" for kind in ("image", "mask")]
    with pytest.raises(WeightsError, match=r"'no-such' is not there; expected one of .*camseg-small.* or a folder"):
        train("segmentation", tiny_camvid, tmp_path, 1, *parts)


@pytest.mark.parametrize("stage", ["features", "segmentation", "discriminative"])
def test_views_too_small_to_be_normalised_are_refused_before_anything_is_read(tmp_path, stage):
    parts = [f"--{kind}-autoencoder=camseg-small" for kind in ("image", "mask")][: 2 if stage == "segmentation" else 1]
    with pytest.raises(ConfigurationError, match="batch size is 1 with views of 16×16; expected 2 or more"):
        train(stage, tmp_path / "nowhere", tmp_path / "out", 1, *parts, "--size", "16x16")


def test_a_missing_dataset_is_named(tmp_path):
    with pytest.raises(DatasetError, match="train: no such folder"):
        train("mask-autoencoder", tmp_path, tmp_path / "out", 1)


@pytest.mark.parametrize("size", ["48", "x64", "0x64", "48x64x3"])
def test_a_size_that_is_none_is_named(tiny_camvid, tmp_path, size):
    with pytest.raises(Exception, match=f"size '{size}' is not HEIGHTxWIDTH"):
        train("image-autoencoder", tiny_camvid, tmp_path / "out", 1, "--size", size)
