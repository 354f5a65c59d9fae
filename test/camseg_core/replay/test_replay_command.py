"""``camseg replay`` as it is typed."""

import json

from replay_bags import drive, read_outputs
from typer.testing import CliRunner

from camseg_core.cli.main import app


def test_each_of_several_bags_gets_a_folder_of_results_with_the_outputs_asked_for(tmp_path, tiny_model):
    bags = [
        drive(tmp_path / "monday", [10, 20, 30]),
        drive(tmp_path / "tuesday", [40, 50], topic="/front/image_raw", storage="sqlite3"),
    ]
    options = ["--out", str(tmp_path / "out"), "--model", str(tiny_model), "--device", "cpu"]
    outputs = ["--outputs", "confidence", "--outputs", "overlay"]
    result = CliRunner().invoke(app, ["replay", *map(str, bags), *options, *outputs])
    assert result.exit_code == 0, result.output
    for name, frames, camera in (("monday", 3, "camera"), ("tuesday", 2, "front")):
        folder = tmp_path / "out" / name
        summary = json.loads((folder / "summary.json").read_text())
        assert (summary["bag"], summary["frames"]) == (name, frames)
        assert [found["name"] for found in summary["cameras"]] == [camera]
        topics = [topic for topic, _, _ in read_outputs(folder / "outputs")]
        expected = ("mask", "mask_color", "overlay", "confidence", "drift", "drift/score")
        assert topics == [f"/camseg/{output}" for output in expected] * frames
        assert str(folder / "report.html") in result.output.replace("\n", "")
