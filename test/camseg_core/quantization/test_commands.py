"""``camseg weights quantize`` makes what int8 needs, ``camseg eval int8`` measures what came of it."""

import json
import shutil

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.corruptions import CORRUPTIONS
from camseg_core.quantization.ranges import FILE_NAME, InputRanges


@pytest.fixture
def root(tmp_path):
    """A dataset of five frames to find ranges on and two to measure on."""
    random = np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for folder, shape, values in ((split, (48, 64, 3), 256), (f"{split}annot", (48, 64), 11)):
            (tmp_path / folder).mkdir()
            for number in range(count):
                image = random.integers(0, values, shape, dtype=np.uint8)
                cv2.imwrite(str(tmp_path / folder / f"{number}.png"), image)
    return tmp_path


@pytest.fixture
def model(wide_model, tmp_path):
    folder = shutil.copytree(wide_model, tmp_path / "model")
    (folder / FILE_NAME).unlink()
    return folder


@pytest.mark.slow
def test_a_model_is_made_ready_and_measured(root, model, tmp_path):
    command = ["weights", "quantize", "--root", str(root), "--model", str(model), "--every", "2"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    ranges = InputRanges.load(model).by_layer
    assert f"{model / FILE_NAME}: {len(ranges)} layers, 3 frames" in result.output.replace("\n", "")
    assert any(name.startswith("fast_decoder.") for name in ranges)

    out = tmp_path / "a.json"
    command = ["eval", "int8", "--root", str(root), "--model", str(model), "--damaged-every", "2", "--json", str(out)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_text())["figures"]
    assert figures["frames"] == 2
    assert 0.8 < figures["worst_agreement"] <= figures["agreement"] < 1.0
    assert len(figures["damaged"]) == len(CORRUPTIONS)
    assert f"{100.0 * figures['agreement']:.3f} %" in result.output
    assert "1 of the frames damaged" in result.output


def test_a_model_without_ranges_is_told_the_command(root, model):
    result = CliRunner().invoke(app, ["eval", "int8", "--root", str(root), "--model", str(model)])
    assert result.exit_code != 0
    assert "camseg weights quantize" in str(result.exception)


def test_the_benchmark_takes_it(wide_model, tmp_path):
    out = tmp_path / "a.json"
    command = ["bench", "inference", "--device", "cpu", "--model", str(wide_model), "--frames", "2", "--int8"]
    result = CliRunner().invoke(app, [*command, "--json", str(out)])
    assert result.exit_code == 0, result.output
    record = json.loads(out.read_text())
    assert record["figures"]["int8"] is True
    assert record["title"].endswith("full decoder, int8, 48×64, one camera")
