"""Every sampler and number of steps draws what it draws alone, from an image that is encoded once."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.steps import StepsExperiment, measure_steps
from camseg_core.evaluation.segmentation import evaluate_segmentation
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import predict_prepared, prepare

EXPERIMENT = StepsExperiment(samplers=("ddim", "ddpm"), steps=(1, 3), seed=2)


@pytest.fixture
def model(tiny_model):
    return load_model(str(tiny_model), resolve_device("cpu"))


@pytest.fixture
def dataset(labelled_root, model):
    return get_dataset("folder", labelled_root, "val", model.label_set)


def test_tallies_are_those_of_ordinary_evaluation(model, dataset, tmp_path):
    tallies = measure_steps(model, dataset, range(2), EXPERIMENT, Journal(tmp_path / "x.partial", {}))
    assert set(tallies) == {"ddim 1", "ddim 3", "ddpm 1", "ddpm 3"}
    for sampler in EXPERIMENT.samplers:
        for steps in EXPERIMENT.steps:
            alone = evaluate_segmentation(model, dataset, SamplingSettings(steps, sampler, seed=2))
            assert tallies[f"{sampler} {steps}"].confusion.metrics().miou == alone.metrics.miou


def test_each_image_is_encoded_once(model, dataset, tmp_path, monkeypatch):
    prepared = []
    monkeypatch.setattr(model, "prepare", lambda *of: prepared.append(1) or type(model).prepare(model, *of))
    measure_steps(model, dataset, range(2), EXPERIMENT, Journal(tmp_path / "x.partial", {}))
    assert len(prepared) == 2


def test_no_draw_is_charged_with_the_encoding_that_a_gpu_is_still_at(
    model, dataset, tmp_path, monkeypatch, lagging_device
):
    doubles = {
        "time": lagging_device,
        "wait_for": lagging_device.wait,
        "prepare": lagging_device.taking(5.0, prepare),
        "predict_prepared": lagging_device.taking(1.0, predict_prepared, waits=True),
    }
    for name, double in doubles.items():
        monkeypatch.setattr(f"camseg_core.evaluation.experiments.steps.{name}", double)
    tallies = measure_steps(model, dataset, range(2), EXPERIMENT, Journal(tmp_path / "x.partial", {}))
    assert {name: tally.seconds_per_frame for name, tally in tallies.items()} == dict.fromkeys(tallies, 1.0)


def test_another_seed_is_another_draw(model, dataset, tmp_path):
    first, second = (
        measure_steps(model, dataset, range(2), replace(EXPERIMENT, seed=seed), Journal(tmp_path / f"{seed}", {}))
        for seed in (1, 2)
    )
    assert not np.array_equal(first["ddpm 3"].confusion.counts, second["ddpm 3"].confusion.counts)


def test_the_command_publishes_tables_plot_and_figures(labelled_root, tiny_model, tmp_path):
    out = tmp_path / "steps"
    command = [
        "eval", "steps", "--root", str(labelled_root), "--dataset", "folder", "--model", str(tiny_model),
        "--sampler", "unipc", "--steps", "2", "--steps", "1", "--device", "cpu", "--every", "2", "--out", str(out),
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["steps.json", "steps.md", "steps.png"]
    page = out.with_suffix(".md").read_text()
    assert "folder val, every 2nd of 2 frames (1)" in page
    assert "| sampler | 1 step | 2 steps |" in page
    found = json.loads(out.with_suffix(".json").read_text())["results"]["unipc"]
    assert set(found) == {"1", "2"}
    assert f"{100 * found['1']['miou']:.2f} | {100 * found['2']['miou']:.2f}" in page
