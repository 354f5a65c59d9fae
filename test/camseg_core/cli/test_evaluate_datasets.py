"""``camseg eval segmentation`` on datasets by name."""

import hashlib
import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.data.datasets import DATASET_NAMES
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import CAMVID


def evaluate(model, dataset, root, *arguments):
    command = ["eval", "segmentation", "--model", str(model), "--device", "cpu", "--steps", "1"]
    return CliRunner().invoke(app, [*command, "--dataset", dataset, "--root", str(root), *arguments])


def test_a_rendered_drive_is_a_folder_dataset_with_the_model_s_ids_and_figures_say_whose_they_are(tmp_path, tiny_model):
    rendered = CliRunner().invoke(
        app,
        [
            "render",
            "drive",
            "--seed",
            "3",
            "--frames",
            "2",
            "--width",
            "64",
            "--height",
            "48",
            "--out",
            f"{tmp_path}/val",
        ],
    )
    assert rendered.exit_code == 0
    report = tmp_path / "report.json"
    result = evaluate(tiny_model, "folder", tmp_path, "--split", "val", "--json", str(report))
    assert result.exit_code == 0, result.output
    figures = json.loads(report.read_text())
    assert (figures["dataset"], figures["split"], figures["frames"]) == ("folder", "val", 2)
    assert set(figures["per_class_iou"]) == set(CAMVID.names)
    # A model trained on has the id of what it began with: the folder and the weights tell the two apart.
    assert figures["model"] == str(tiny_model)
    provenance = figures["provenance"]
    digest = hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()
    assert provenance["weights"] == {str(tiny_model): digest[:12]}
    assert provenance["data"] == "folder val, all 2 frames"
    assert provenance["command"].startswith("camseg")  # with what the tests were called with
    assert provenance["date"]


def test_what_cannot_be_scored_is_null_in_the_report(tmp_path, tiny_model):
    for folder, picture in (("images", np.zeros((48, 64, 3), np.uint8)), ("labels", np.full((48, 64), 3, np.uint8))):
        (tmp_path / "val" / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "val" / folder / "0.png"), picture)
    report = tmp_path / "report.json"
    result = evaluate(tiny_model, "folder", tmp_path, "--split", "val", "--json", str(report))
    assert result.exit_code == 0, result.output
    figures = json.loads(report.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    # Nothing else than road was labelled: no other class has a precision of its own.
    assert figures["per_class_precision"]["sky"] is None
    assert figures["per_class_precision"]["road"] is not None


def test_a_dataset_with_classes_that_the_model_lacks_is_refused(tmp_path, tiny_model):
    for folder in ("leftImg8bit/val/lindau", "gtFine/val/lindau"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png").touch()
    (tmp_path / "gtFine/val/lindau/lindau_000000_000019_gtFine_labelIds.png").touch()
    result = evaluate(tiny_model, "cityscapes", tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert "'cityscapes' cannot be used with 'camvid', which lacks sidewalk" in str(result.exception)


def test_an_unknown_dataset_is_an_error_that_lists_the_known_ones(tmp_path, tiny_model):
    result = evaluate(tiny_model, "cityscape", tmp_path)
    assert isinstance(result.exception, ConfigurationError)
    assert ", ".join(DATASET_NAMES) in str(result.exception)


@pytest.mark.parametrize(("dataset", "named"), [("acdc-fog", "rgb_anon/fog/val"), ("bdd100k", "images/10k/val")])
def test_a_missing_folder_is_named(tmp_path, tiny_model, dataset, named):
    result = evaluate(tiny_model, dataset, tmp_path)
    assert isinstance(result.exception, DatasetError)
    assert f"{tmp_path / named}: no such folder" in str(result.exception)
