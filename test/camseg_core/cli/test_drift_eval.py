"""``camseg drift eval``: one small evaluation read from end to end, both ways to give several values, and bad input."""

import csv
import json
import math

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from camseg_core.cli.drift import app
from camseg_core.cli.several_values import repeat_options
from camseg_core.data.images import read_rgb
from camseg_core.drift.embedding import embed
from camseg_core.drift.reference import DriftReference
from camseg_core.errors import CamsegError, ConfigurationError, DatasetError, DriftReferenceError
from camseg_core.evaluation.detection.baselines import DENOISING_RESIDUAL, DIRECTIONS, ENTROPY
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.engine import SHIPPED_REFERENCE
from camseg_core.runtime.prediction import image_latent


def write_frames(folder, count, seed, contrast=1.0):
    """Noise, which the tiny model's reference was fitted on, more or less of it."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        noise = random.integers(0, 256, (48, 64, 3)) - 127.5
        cv2.imwrite(str(folder / f"{index:03}.png"), np.round(127.5 + contrast * noise).astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Folders: ``clear`` noise, ``faint`` noise of a tenth of the contrast, ``mixed``: both in one sequence."""
    root = tmp_path_factory.mktemp("frames")
    write_frames(root / "clear", 12, seed=1)
    write_frames(root / "faint", 8, seed=2, contrast=0.1)
    write_frames(root / "fainter", 4, seed=3, contrast=0.02)
    return root


def run(model, *arguments, reference=None):
    reference = reference or model / SHIPPED_REFERENCE
    command = ["eval", "--model", str(model), "--device", "cpu", "--reference", str(reference)]
    return CliRunner().invoke(app, [*command, *map(str, arguments)])


def figures(model, path, *arguments, **options):
    result = run(model, *arguments, "--json", path, **options)
    assert result.exit_code == 0, result.output
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def evaluated(tiny_model, frames, tmp_path_factory):
    """One evaluation with everything in it: its JSON and its report's folder."""
    out = tmp_path_factory.mktemp("evaluated")
    visibility = [300, 200, 100, 50]
    (out / "fainter.csv").write_text(
        "file,visibility_m\n"
        + "".join(f"{frames / 'fainter' / f'{index:03}.png'},{metres}\n" for index, metres in enumerate(visibility))
    )
    content = figures(
        tiny_model,
        out / "out.json",
        "--clear",
        frames / "clear",
        "--adverse",
        f"faint={frames / 'faint'}",
        f"both={frames / 'faint'}",
        f"both={out / 'fainter.csv'}",
        "--compare",
        f"again={tiny_model / SHIPPED_REFERENCE}",
        "--simulate",
        "rain",
        "--rate-hz",
        "10",
        "--expected-run-length-s",
        "600",
        "--report",
        out / "report",
    )
    return content, out / "report"


def test_auroc_and_rates_are_those_of_the_scores_of_the_frames(evaluated, tiny_model, frames):
    content, _ = evaluated
    model = load_model(str(tiny_model), resolve_device("cpu"))
    reference = DriftReference.load(tiny_model / SHIPPED_REFERENCE, model.model_id)
    clear, faint = (
        [reference.score(embed(image_latent(model, read_rgb(path)))) for path in sorted((frames / name).iterdir())]
        for name in ("clear", "faint")
    )
    condition = content["conditions"]["faint"]
    assert condition["auroc"] == pytest.approx(roc_auc_score([0] * 12 + [1] * 8, clear + faint))
    assert condition["tpr"] == np.mean(np.array(faint) >= reference.warn_threshold)
    assert condition["fpr"] == content["clear"]["fpr"] == np.mean(np.array(clear) >= reference.warn_threshold)
    assert (condition["frames"], condition["clear_frames"]) == (8, 12)
    assert content["reference_id"] == reference.reference_id


def test_every_baseline_and_compared_reference_stands_in_the_same_table(evaluated):
    content, _ = evaluated
    condition = content["conditions"]["faint"]
    assert set(condition["methods"]) == {"again", *DIRECTIONS}
    assert condition["methods"]["again"] == {name: condition[name] for name in ("auroc", "aupr", "fpr95")}
    # A tenth of the contrast, and of nothing else.
    assert condition["methods"]["rms_contrast"] == {"auroc": 1.0, "aupr": 1.0, "fpr95": 0.0}


def test_folders_of_one_name_are_one_condition(evaluated):
    content, _ = evaluated
    assert content["conditions"]["both"]["frames"] == 12
    assert len(content["conditions"]["both"]["sequences"]) == 2
    assert content["conditions"]["both"]["measured_visibility"]["spearman"] is not None
    assert "measured_visibility" not in content["conditions"]["faint"]
    both = content["conditions"]["both"]["measured_visibility"]["spearman"]
    assert content["spearman_of_measured_visibility"] == both


def test_sequences_have_delays_and_false_alarms(evaluated):
    content, _ = evaluated
    assert content["expected_run_length_s"] == 600
    assert content["clear"]["hours"] == pytest.approx(1.2 / 3600)
    assert content["conditions"]["both"]["sequences_found"] <= 2
    (segment,) = next(iter(content["conditions"]["faint"]["sequences"].values()))
    assert (segment["weather"], segment["frames"]) == ("faint", 8)


def write_list(path, *images):
    path.write_text("".join(f"{image}\n" for image in images))
    return path


def test_lists_over_one_folder_are_sequences_of_their_own(tiny_model, frames, tmp_path):
    images = sorted((frames / "clear").iterdir())
    first, second = write_list(tmp_path / "a.txt", *images[:5]), write_list(tmp_path / "b.txt", *images[5:])
    options = ("--no-segment", "--rate-hz", "10", "--clear", first, second)
    clear = figures(tiny_model, tmp_path / "out.json", *options)["clear"]
    folder = str(frames / "clear")
    assert {name: run["frames"] for name, run in clear["runs"].items()} == {folder: 5, f"{folder}, run 2": 7}
    segments = [segment for (segment,) in clear["sequences"].values()]
    assert [segment["frames"] for segment in segments] == [5, 7]
    assert [segment["end_s"] for segment in segments] == pytest.approx([0.5, 0.7])
    assert clear["hours"] == pytest.approx(1.2 / 3600)


def test_a_list_that_comes_back_to_a_folder_begins_another_sequence(tiny_model, frames, tmp_path):
    faint, fainter = (sorted((frames / name).iterdir()) for name in ("faint", "fainter"))
    listed = write_list(tmp_path / "fog.txt", *faint[:3], *fainter, *faint[3:])
    options = ("--no-segment", "--rate-hz", "10", "--clear", frames / "clear", "--adverse", f"fog={listed}")
    fog = figures(tiny_model, tmp_path / "out.json", *options)["conditions"]["fog"]
    folders = [str(frames / "faint"), str(frames / "fainter"), f"{frames / 'faint'}, run 2"]
    assert list(fog["sequences"]) == folders
    segments = [segment for (segment,) in fog["sequences"].values()]
    assert [segment["frames"] for segment in segments] == [3, 4, 5]
    assert [segment["end_s"] for segment in segments] == pytest.approx([0.3, 0.4, 0.5])


def test_every_frame_has_one_named_cause(evaluated):
    content, _ = evaluated
    assert {name: sum(counts.values()) for name, counts in content["cause_confusion"].items()} == {
        "clear": 12,
        "faint": 8,
        "both": 12,
    }


def test_simulated_weather_is_scored_at_every_severity(evaluated):
    content, _ = evaluated
    rain = content["simulated"]["rain"]
    assert (rain["frames"], rain["unit"]) == (12, "mm/h")
    assert len(rain["severities"]) == len(rain["tpr"]) == len(rain["score_median"])
    assert -1 <= rain["spearman"] <= 1
    assert [sum(counts.values()) for counts in rain["causes"]] == [12] * len(rain["severities"])


def test_where_figures_come_from_is_written_down(evaluated):
    content, _ = evaluated
    assert content["provenance"]["seed"] == 0
    assert content["provenance"]["data"] == "clear: 12 frames, faint: 8 frames, both: 12 frames"
    assert content["cost_ms"]["detector"] > 0
    assert content["cost_ms"]["segmentation"] > content["cost_ms"]["detector"]
    assert content["cost_ms"]["detector_p95"] >= content["cost_ms"]["detector"]
    share = content["cost_ms"]["detector"] / content["cost_ms"]["segmentation"]
    assert content["cost_ms"]["detector_share_of_segmentation"] == pytest.approx(share)


def test_the_report_shows_what_was_found(evaluated):
    _, report = evaluated
    assert {path.name for path in report.iterdir()} == {
        "report.html", "roc.png", "severity.png", "timeline.png", "frames.csv",
    }  # fmt: skip
    page = (report / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "faint: 8 frames against 12 clear" in page
    with (report / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["condition"] for row in rows] == ["clear"] * 12 + ["faint"] * 8 + ["both"] * 12
    assert all(math.isfinite(float(row["score"])) for row in rows)


def test_several_values_and_repeated_options_mean_the_same(tiny_model, frames, tmp_path):
    common = ("--no-segment", "--clear", frames / "clear", "--adverse", f"a={frames / 'faint'}")
    at_once = figures(tiny_model, tmp_path / "1.json", *common, f"b={frames / 'fainter'}")
    repeated = figures(tiny_model, tmp_path / "2.json", *common, "--adverse", f"b={frames / 'fainter'}")
    assert list(at_once["conditions"]) == ["a", "b"]
    assert at_once["conditions"] == repeated["conditions"]
    assert not {ENTROPY, DENOISING_RESIDUAL} & set(at_once["conditions"]["a"]["methods"])
    assert at_once["cost_ms"]["segmentation"] is None


def test_clear_frames_alone_give_the_false_positive_rate(tiny_model, frames, tmp_path):
    content = figures(tiny_model, tmp_path / "out.json", "--no-segment", "--clear", frames / "clear")
    assert content["conditions"] == {}
    assert 0 <= content["clear"]["fpr"] <= 1
    assert "hours" not in content["clear"]


def test_figures_are_printed_before_they_are_written(tiny_model, frames, tmp_path, monkeypatch):
    monkeypatch.setattr("camseg_core.cli.drift_eval.check_writable", lambda *paths: None)  # as if it filled up since
    result = run(tiny_model, "--no-segment", "--clear", frames / "clear", "--json", tmp_path)
    assert isinstance(result.exception, OSError)
    assert "12 clear frames: " in result.output


def test_the_words_after_an_option_are_its_values_up_to_the_next_option():
    assert repeat_options(["--a", "1", "2", "--b", "3", "-v", "--a=4", "5"], {"--a"}) == [
        "--a", "1", "--a", "2", "--b", "3", "-v", "--a=4", "--a", "5",
    ]  # fmt: skip


def expect_error(result, kind: type[CamsegError], *parts):
    assert isinstance(result.exception, kind), result.output
    for part in parts:
        assert part in str(result.exception)


@pytest.mark.parametrize("value", ["fog", "=folder", "fog="])
def test_an_adverse_value_without_name_or_frames_is_named(tiny_model, frames, value):
    result = run(tiny_model, "--clear", frames / "clear", "--adverse", value)
    expect_error(result, ConfigurationError, f"--adverse '{value}'; expected NAME=FRAMES")


@pytest.mark.parametrize(
    ("compared", "value", "name"),
    [
        (["day1/drift_reference.safetensors"], "day2/drift_reference.safetensors", "drift_reference"),
        (["night=a.safetensors"], "night=b.safetensors", "night"),
        (["night=a.safetensors"], "day2/night.safetensors", "night"),
        ([], "rms_contrast=a.safetensors", "rms_contrast"),
        ([], "softmax_entropy.safetensors", "softmax_entropy"),
        ([], "score=a.safetensors", "score"),
    ],
)
def test_a_compared_reference_needs_a_name_of_its_own(tiny_model, frames, compared, value, name):
    result = run(tiny_model, "--clear", frames / "clear", "--compare", *compared, value)
    expect_error(result, ConfigurationError, f"--compare '{value}'", f"'{name}'", "[NAME=]REFERENCE")


def test_a_condition_cannot_be_called_clear(tiny_model, frames):
    result = run(tiny_model, "--clear", frames / "clear", "--adverse", f"clear={frames / 'faint'}")
    expect_error(result, ConfigurationError, "calls a condition 'clear'")


def test_frames_that_are_clear_and_adverse_are_refused(tiny_model, frames):
    result = run(tiny_model, "--clear", frames / "clear", "--adverse", f"fog={frames / 'clear'}")
    expect_error(result, ConfigurationError, "000.png of 'fog' is the same image as", "which is given as clear")


def test_a_copy_of_a_clear_frame_under_another_name_is_found(tiny_model, frames, tmp_path):
    write_frames(tmp_path / "fog", 2, seed=5)
    (tmp_path / "fog/other.png").write_bytes((frames / "clear/004.png").read_bytes())
    result = run(tiny_model, "--no-segment", "--clear", frames / "clear", "--adverse", f"fog={tmp_path / 'fog'}")
    expect_error(result, ConfigurationError, "other.png of 'fog'", "clear/004.png")


def test_a_corrupt_image_is_named(tiny_model, frames, tmp_path):
    write_frames(tmp_path / "fog", 2, seed=5)
    (tmp_path / "fog/001.png").write_bytes(b"no image")
    result = run(tiny_model, "--no-segment", "--clear", frames / "clear", "--adverse", f"fog={tmp_path / 'fog'}")
    expect_error(result, DatasetError, "fog/001.png: cannot be decoded")


def test_a_reference_of_another_model_is_refused(tiny_model, frames, tmp_path):
    path = tmp_path / "config.json"
    folder = tmp_path / "other"
    folder.mkdir()
    for file in tiny_model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    path = folder / "config.json"
    path.write_text(path.read_text().replace("camseg-tiny", "camseg-other"))
    result = run(folder, "--clear", frames / "clear", reference=tiny_model / SHIPPED_REFERENCE)
    expect_error(result, DriftReferenceError, "was fitted with model 'camseg-tiny'; expected 'camseg-other'")


@pytest.mark.parametrize("rate", ["0", "inf", "nan"])
def test_a_rate_that_is_none_is_a_usage_error(tiny_model, frames, rate):
    result = run(tiny_model, "--clear", frames / "clear", "--rate-hz", rate)
    assert result.exit_code == 2
    assert "--rate-hz" in result.stderr


def test_unknown_simulated_weather_is_named(tiny_model, frames):
    result = run(tiny_model, "--clear", frames / "clear", "--simulate", "hail")
    expect_error(result, ConfigurationError, "'hail' is unknown; expected one of fog, rain, snow")


def test_help_tells_how_to_give_several(tiny_model):
    result = CliRunner().invoke(app, ["eval", "--help"])
    assert result.exit_code == 0
    assert "--clear A B" in " ".join(result.output.split())
