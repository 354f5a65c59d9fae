"""Which frames a gallery shows, and that it draws them."""

import cv2
import pytest
from typer.testing import CliRunner

from camseg_core.cli.main import app
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.gallery import pick_rows


def test_rows_are_the_ends_and_the_middle_of_the_order():
    mious = [0.1, 0.9, 0.5, 0.4, 0.8, 0.2, 0.6]
    assert pick_rows(mious, 2) == {"best": [1, 4], "median": [6, 2], "worst": [5, 0]}


def test_three_rows_need_as_many_frames():
    with pytest.raises(ConfigurationError, match="5 frames; expected 6 or more"):
        pick_rows([0.1] * 5, 2)


def test_the_command_draws_frames_of_a_folder(tmp_path, tiny_model):
    render = ["render", "drive", "--frames", "3", "--width", "64", "--height", "48", "--out", f"{tmp_path}/val"]
    assert CliRunner().invoke(app, render).exit_code == 0
    page = tmp_path / "pages" / "gallery.png"
    command = ["eval", "gallery", "--root", str(tmp_path), "--dataset", "folder", "--columns", "1"]
    result = CliRunner().invoke(app, [*command, "--model", str(tiny_model), "--device", "cpu", "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "best: " in result.output
    drawn = cv2.imread(str(page))
    assert drawn.shape[0] > drawn.shape[1] > 200  # three rows of one column
    assert len({tuple(pixel) for pixel in drawn.reshape(-1, 3)[::97]}) > 20  # pictures, not an empty page
