"""``camseg replay`` as it is typed."""

import json

import pytest
from replay_bags import contents, drive, read_outputs
from typer.testing import CliRunner

from camseg_core.cli import replay as command
from camseg_core.cli.main import app
from camseg_core.errors import CamsegError


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


@pytest.fixture
def run(tmp_path, tiny_model):
    """Runs ``camseg replay`` into ``tmp_path / "out"``; options given later win."""

    def invoke(*arguments):
        options = ["--out", str(tmp_path / "out"), "--model", str(tiny_model), "--device", "cpu"]
        return CliRunner().invoke(app, ["replay", *options, *map(str, arguments)])

    return invoke


def test_an_overwrite_replaces_earlier_results(tmp_path, run):
    bag = drive(tmp_path / "drive", [10, 20])
    for arguments in ((bag,), (bag, "--seed", 5, "--overwrite")):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out" / "drive" / "summary.json").read_text())["settings"]["seed"] == 5


def test_a_replay_in_int8_says_so_and_gives_the_same_again(tmp_path, run, wide_model):
    bag = drive(tmp_path / "drive", [10, 20])
    found = []
    for _ in range(2):
        result = run(bag, "--model", wide_model, "--decoder", "fast", "--int8", "--overwrite")
        assert result.exit_code == 0, result.output
        settings = json.loads((tmp_path / "out" / "drive" / "summary.json").read_text())["settings"]
        assert (settings["decoder"], settings["int8"]) == ("fast", True)
        found.append(contents(tmp_path / "out" / "drive"))
    assert found[0] == found[1]


@pytest.mark.parametrize("live", [False, True], ids=["without ROS", "live"])
@pytest.mark.parametrize(
    "mistake",
    [
        ("--model", "no_such"),
        ("--device", "cuda:99"),
        ("--drift-reference", "no_such"),
        ("--sampler", "no_such"),
        ("--decoder", "no_such"),
    ],
    ids=lambda mistake: mistake[0],
)
def test_an_overwrite_that_cannot_begin_costs_no_results(tmp_path, run, monkeypatch, mistake, live):
    bag = drive(tmp_path / "drive", [10, 20])
    assert run(bag).exit_code == 0
    before = contents(tmp_path / "out" / "drive")
    # A node says what is wrong with its settings only when it has been started.
    monkeypatch.setattr(command, "_through_node", lambda settings, playback: lambda *_: pytest.fail("was started"))
    result = run(bag, *mistake, "--overwrite", *(["--live"] if live else []))
    assert isinstance(result.exception, CamsegError)
    assert mistake[1] in str(result.exception)
    assert contents(tmp_path / "out" / "drive") == before


def test_an_overwrite_through_a_node_that_is_not_there_costs_no_results(tmp_path, run, monkeypatch):
    bag = drive(tmp_path / "drive", [10, 20])
    assert run(bag).exit_code == 0
    before = contents(tmp_path / "out" / "drive")
    find_spec = command.importlib.util.find_spec
    monkeypatch.setattr(
        command.importlib.util, "find_spec", lambda name, *more: None if name == "rclpy" else find_spec(name, *more)
    )
    result = run(bag, "--live", "--overwrite")
    assert "--live needs ROS 2" in str(result.exception)
    assert contents(tmp_path / "out" / "drive") == before


def test_no_bags_results_are_replaced_where_another_bags_cannot_be(tmp_path, run):
    bags = [drive(tmp_path / name, [10, 20]) for name in ("monday", "tuesday")]
    assert run(bags[0]).exit_code == 0
    (tmp_path / "out" / "tuesday").mkdir()
    (tmp_path / "out" / "tuesday" / "mine.txt").write_text("mine")
    before = contents(tmp_path / "out")
    result = run(*bags, "--overwrite")
    assert "out/tuesday exists and is no replay's" in str(result.exception)
    assert contents(tmp_path / "out") == before
