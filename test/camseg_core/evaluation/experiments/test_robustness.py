"""Models are held against each other on the same spoilt images; retention and its error follow from the counts."""

import json
import math

import numpy as np
import pytest
from torch import nn
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.corruptions import corrupt
from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.evaluation.experiments import robustness
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.retention import Retention
from camseg_core.evaluation.experiments.robustness import (
    CONDITIONS,
    WEATHERS,
    RobustnessExperiment,
    measure_robustness,
    named_models,
    tally_name,
)
from camseg_core.evaluation.experiments.tally import Tally
from camseg_core.labels import CAMVID, CITYSCAPES, LabelSet
from camseg_core.runtime.prediction import Prediction
from camseg_core.weather import apply_weather, assumed_camera, estimate_depth

TWO = LabelSet("two", ("road", "pole"), ((0, 0, 0), (1, 1, 1)))


class Named(nn.Module):
    def __init__(self, model_id, label_set=CAMVID):
        super().__init__()
        self.model_id, self.label_set = model_id, label_set


def named(*models):
    return named_models([(model.model_id, model) for model in models])


class OneFrame:
    def __init__(self):
        random = np.random.default_rng(0)
        labels = np.full((48, 64), CAMVID.names.index("road"), np.uint8)
        labels[:20] = CAMVID.names.index("sky")
        self.sample = LabelledImage(random.integers(0, 256, (48, 64, 3), dtype=np.uint8), labels, "frame")

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.sample


@pytest.fixture
def seen(monkeypatch):
    """What each model was given, in order; every model predicts road."""
    images: dict[str, list[np.ndarray]] = {}

    def predict(model, image, sampling):
        images.setdefault(model.model_id, []).append(image)
        return Prediction(np.full(image.shape[:2], CAMVID.names.index("road"), np.uint8), None)

    monkeypatch.setattr(robustness, "predict", predict)
    return images


def test_all_models_are_given_the_same_images_clean_first(seen, tmp_path):
    experiment = RobustnessExperiment(conditions=("hue", "fog"))
    models = named(Named("one"), Named("two"))
    tallies = measure_robustness(models, OneFrame(), range(1), experiment, Journal(tmp_path / "x.partial", {}))
    assert len(seen["one"]) == 11
    assert all(map(np.array_equal, seen["one"], seen["two"]))
    sample = OneFrame().sample
    assert np.array_equal(seen["one"][0], sample.image)
    assert set(tallies) >= {tally_name("two", "clean", 0), tally_name("one", "fog", 5)}
    assert tallies["one | hue 3"].confusion.metrics().global_accuracy == pytest.approx(28 / 48)


def test_images_are_spoilt_by_the_corruptions_and_by_weather_on_estimated_depth(seen, tmp_path):
    experiment = RobustnessExperiment(conditions=("contrast", "fog"))
    journal = Journal(tmp_path / "x.partial", {})
    measure_robustness(named(Named("one")), OneFrame(), range(1), experiment, journal)
    sample = OneFrame().sample
    assert np.array_equal(seen["one"][4], corrupt(sample.image, "contrast", 4, seed=0))
    camera = assumed_camera(64, 48, sample.labels)
    fog = apply_weather(WEATHERS["fog"][1], sample.image, estimate_depth(sample.labels, camera), 0, camera=camera)
    assert np.array_equal(seen["one"][7], fog)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_has_five_severities_that_spoil_the_image_repeatably(seen, tmp_path, condition):
    experiment = RobustnessExperiment(conditions=(condition,))
    for run in range(2):
        journal = Journal(tmp_path / f"{run}.partial", {})
        measure_robustness(named(Named(f"run {run}")), OneFrame(), range(1), experiment, journal)
    first, second = seen["run 0"], seen["run 1"]
    assert len(first) == 6
    assert all(map(np.array_equal, first, second))
    assert all(not np.array_equal(image, first[0]) for image in first[1:])


def tally_of(*frames: list[list[int]]) -> Tally:
    counts = np.array(frames, dtype=np.int64)
    confusion = ConfusionMatrix(TWO)
    confusion.counts += counts.sum(axis=0)
    return Tally(confusion, 0.0, counts)


def test_retention_is_the_share_of_the_clean_figure():
    # Clean: IoU 8/10 and 4/6. Spoilt at severity 1: IoU 6/10 and 6/10; at 2: 4/8 and 0.
    tallies = {
        "m | clean 0": tally_of([[8, 0, 0], [2, 4, 0]]),
        "m | fog 1": tally_of([[6, 2, 0], [2, 6, 0]]),
        "m | fog 2": tally_of([[4, 4, 0], [0, 0, 4]]),
    }
    retention = Retention(tallies, seed=0)
    clean, first, second = (8 / 10 + 4 / 6) / 2, 6 / 10, (4 / 8 + 0) / 2
    assert retention.kept("m", "fog", (1,)).share == pytest.approx(first / clean)
    assert retention.kept("m", "fog", (1, 2)).share == pytest.approx((first + second) / 2 / clean)
    assert retention.kept("m", "fog", (1,), "thin_miou").share == pytest.approx((6 / 10) / (4 / 6))
    # Precisions: 8/10 and 4/4 clean, 6/8 and 6/8 spoilt.
    assert retention.kept("m", "fog", (1,), "ap").share == pytest.approx(0.75 / 0.9)
    assert math.isnan(retention.kept("m", "fog", (1,)).error)  # of one frame


def test_standard_error_is_that_of_a_mean_over_frames():
    # All pixels are road, n of 100 are found: IoU is the mean share found, so its standard error is σ / √frames.
    found = np.random.default_rng(1).integers(20, 80, 400)
    tallies = {
        "m | clean 0": tally_of(*[[[100, 0, 0], [0, 0, 0]]] * 400),
        "m | fog 1": tally_of(*([[int(n), 0, int(100 - n)], [0, 0, 0]] for n in found)),
    }
    kept = Retention(tallies, seed=0).kept("m", "fog", (1,))
    assert kept.share == pytest.approx(found.mean() / 100)
    # 200 resamples leave 5 % of uncertainty in the error itself.
    assert kept.error == pytest.approx(found.std() / 100 / 20, rel=0.2)


def test_the_lead_over_another_model_is_without_error_where_frames_differ_alike():
    found = np.random.default_rng(1).integers(20, 80, 50)
    tallies = {f"{model} | clean 0": tally_of(*[[[100, 0, 0], [0, 0, 0]]] * 50) for model in "ab"}
    for model, more in (("a", 10), ("b", 0)):
        counts = ([[int(n + more), 0, int(100 - n - more)], [0, 0, 0]] for n in found)
        tallies[f"{model} | fog 1"] = tally_of(*counts)
    lead = Retention(tallies, seed=0).lead("a", "b", "fog", (1,))
    assert lead.share == pytest.approx(0.1)
    assert lead.error == pytest.approx(0.0, abs=1e-12)


def test_models_of_one_id_are_told_apart_by_what_was_asked_for():
    shipped, trained_on = Named("camseg-small"), Named("camseg-small")
    found = named_models([("camseg-small", shipped), ("runs/mine", trained_on)])
    assert list(found) == ["camseg-small", "runs/mine"]
    assert found["runs/mine"] is trained_on


def test_models_that_cannot_be_compared_are_refused():
    with pytest.raises(ConfigurationError, match="two models are called 'one'"):
        named(Named("one"), Named("one"))
    with pytest.raises(ConfigurationError, match="two tells the classes of 'cityscapes' apart, one those of 'camvid'"):
        named(Named("one"), Named("two", CITYSCAPES))
    with pytest.raises(ConfigurationError, match="corruption 'smear' is unknown; expected one of gaussian noise"):
        RobustnessExperiment(conditions=("smear",))


def test_a_single_frame_has_no_standard_error(labelled_root, tiny_model, tmp_path):
    out = tmp_path / "robustness"
    command = [
        "eval", "robustness", "--root", str(labelled_root), "--dataset", "folder", "--model", str(tiny_model),
        "--corruption", "hue", "--every", "2", "--device", "cpu", "--out", str(out),
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found = json.loads(out.with_suffix(".json").read_text())["results"][str(tiny_model)]["conditions"]["hue"]
    assert found["kept_standard_error"] is None
    assert f"| hue | {100 * found['kept']:.1f} ± – |" in out.with_suffix(".md").read_text()


def test_the_command_publishes_tables_plot_and_figures(labelled_root, tiny_model, tmp_path):
    out = tmp_path / "robustness"
    command = [
        "eval", "robustness", "--root", str(labelled_root), "--dataset", "folder", "--model", str(tiny_model),
        "--corruption", "hue", "--corruption", "night", "--every", "1", "--device", "cpu", "--out", str(out),
    ]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["robustness.json", "robustness.md", "robustness.png"]
    page = out.with_suffix(".md").read_text()
    for part in ("folder val, all 2 frames", "| hue | 1, 2, 3, 4, 5 | ≥ 90 |", "| night | 100 lx | 30 lx |"):
        assert part in page
    found = json.loads(out.with_suffix(".json").read_text())["results"][str(tiny_model)]
    spoilt = found["conditions"]["night"]
    mean = np.mean([spoilt["severities"][str(severity)]["miou"] for severity in range(1, 6)])
    assert spoilt["kept"] == pytest.approx(mean / found["clean"]["miou"])
