"""What ``camseg bench inference`` says of an engine, and what it writes."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.benchmarks.frames import camera_buffers
from camseg_core.benchmarks.model_facts import ModelFacts, model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.cli.bench_options import publish
from camseg_core.cli.main import app
from camseg_core.errors import ConfigurationError


@pytest.fixture(scope="module")
def run(tiny_model, tmp_path_factory):
    """Records of one run on two cameras: the JSON and the page."""
    folder = tmp_path_factory.mktemp("bench")
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.png"), pixels)
    command = ["bench", "inference", "--device", "cpu", "--model", str(tiny_model), "--images", str(folder)]
    command += [
        "--size",
        "60x80",
        "--steps",
        "2",
        "--frames",
        "4",
        "--batch",
        "2",
        "--json",
        str(folder / "a.json"),
        "--report",
        str(folder / "a.md"),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return json.loads((folder / "a.json").read_text()), folder / "a.json", (folder / "a.md").read_text()


def test_percentiles_rise_and_throughput_counts_every_camera(run):
    figures = run[0]["figures"]
    latency = figures["latency"]
    assert 0.0 < latency["p50_ms"] <= latency["p95_ms"] <= latency["p99_ms"]
    assert latency["calls"] == 4
    # Two frames a call; the time between calls is next to nothing beside a call.
    assert figures["frames_per_s"] == pytest.approx(2e3 / latency["mean_ms"], rel=0.2)


def test_every_stage_that_a_frame_passes_on_a_cpu_is_timed(run):
    stages = run[0]["figures"]["stage_ms"]
    assert {
        "convert",
        "image_encoder",
        "features",
        "transformer",
        "head",
        "decoder",
        "labels",
        "drift",
    } <= stages.keys()
    assert all(value > 0.0 for value in stages.values())


def test_ratio_is_that_of_latency_and_floor(run):
    figures = run[0]["figures"]
    rate = max(figures["ceilings"]["matmul_flop_per_s"], figures["ceilings"]["convolution_flop_per_s"])
    workload = figures["workload"]
    flop = workload["image_encoder_flop"] + workload["condition_flop"] + workload["draw_flop"]
    least_ms = max(1e3 * flop / rate, 1e3 * workload["bytes"] / figures["ceilings"]["copy_bytes_per_s"])
    assert figures["ratio_to_floor"] == pytest.approx(figures["latency"]["p50_ms"] / least_ms)


def test_hardware_versions_date_and_command_stand_beside_the_figures(run):
    provenance = run[0]["provenance"]
    assert "cores" in provenance["hardware"]
    assert "torch" in provenance["versions"]
    assert provenance["date"]
    assert provenance["command"].split()[0] == "camseg"
    assert provenance["date"] in run[2]
    assert "| p50, ms | p95, ms | p99, ms |" in run[2]


def test_a_record_is_read_back_as_it_was_written(run, tmp_path):
    record = BenchmarkRecord.load(run[1])
    record.save(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == run[0]
    assert record.markdown() == run[2]


def test_figures_are_printed_before_they_are_written(run, tmp_path, capsys):
    record = BenchmarkRecord.load(run[1])
    with pytest.raises(IsADirectoryError):
        publish(record, tmp_path, None)
    assert capsys.readouterr().out == record.markdown() + "\n"


def test_a_file_that_is_no_record_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"a\.json: is no record"):
        BenchmarkRecord.load(tmp_path / "a.json")


def test_too_few_calls_are_refused(tiny_model):
    result = CliRunner().invoke(app, ["bench", "inference", "--model", str(tiny_model), "--frames", "0"])
    assert result.exit_code == 2


def test_frames_come_in_turn_with_the_stamps_of_a_camera():
    buffers = camera_buffers((48, 64))
    count = len(buffers.pixels)
    first, again = buffers.frame(0), buffers.frame(count)
    assert first.image.shape == (48, 64, 3)
    np.testing.assert_array_equal(first.image, again.image)
    assert again.stamp_ns == round(count / 30.0 * 1e9)
    assert len(set(buffers.pixels)) == count


def test_name_and_size_are_the_models_own_whatever_its_folder_is_called(tiny_model):
    assert model_facts(str(tiny_model)) == ModelFacts("camseg-tiny", (48, 64), "camseg")
