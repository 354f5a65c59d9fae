import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.cli.render import SKY_DEPTH, app
from camseg_core.errors import ConfigurationError
from camseg_core.rendering import Drive

SIZE = ["--width", "64", "--height", "48"]


def run(*arguments):
    return CliRunner().invoke(app, ["drive", "--seed", "3", "--frames", "2", *SIZE, *arguments])


def test_images_labels_and_depth_are_those_of_the_drive(tmp_path):
    assert run("--out", str(tmp_path), "--rate-hz", "4").exit_code == 0
    for folder in ("images", "labels", "depth"):
        assert [path.name for path in sorted((tmp_path / folder).iterdir())] == ["000000.png", "000001.png"]
    frame = Drive(3, 64, 48).frame(0.25)
    image = cv2.imread(str(tmp_path / "images/000001.png"))[..., ::-1]
    assert np.array_equal(image, frame.image)
    assert np.array_equal(cv2.imread(str(tmp_path / "labels/000001.png"), cv2.IMREAD_UNCHANGED), frame.labels)
    depth_cm = cv2.imread(str(tmp_path / "depth/000001.png"), cv2.IMREAD_UNCHANGED)
    sky = np.isinf(frame.depth_m)
    assert np.array_equal(depth_cm == SKY_DEPTH, sky)
    np.testing.assert_allclose(depth_cm[~sky] / 100, frame.depth_m[~sky], atol=0.0051)


@pytest.mark.parametrize("weather", [("--fog", "80"), ("--rain", "50")])
def test_weather_changes_images_only(tmp_path, weather):
    assert run("--out", str(tmp_path / "clear")).exit_code == 0
    assert run("--out", str(tmp_path / "bad"), *weather).exit_code == 0
    for folder, same in (("images", False), ("labels", True), ("depth", True)):
        clear, bad = ((tmp_path / name / folder / "000000.png").read_bytes() for name in ("clear", "bad"))
        assert (clear == bad) is same


def test_a_frame_in_rain_is_the_same_however_many_frames_follow(tmp_path):
    for frames in ("2", "4"):
        assert run("--rain", "80", "--frames", frames, "--out", str(tmp_path / frames)).exit_code == 0
    for name in ("000000.png", "000001.png"):
        short, long = ((tmp_path / frames / "images" / name).read_bytes() for frames in ("2", "4"))
        assert short == long, name


@pytest.mark.parametrize("folder", ["images", "labels", "depth"])
def test_a_drive_is_not_mixed_with_the_frames_of_another(tmp_path, folder):
    earlier = tmp_path / folder / "000007.png"
    earlier.parent.mkdir()
    earlier.write_bytes(b"of a longer drive")
    result = run("--out", str(tmp_path))
    assert isinstance(result.exception, ConfigurationError)
    assert str(result.exception) == f"{earlier}: is already there; expected a new folder for --out"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [earlier]


def test_weather_out_of_range_is_named_before_anything_is_written(tmp_path):
    result = run("--out", str(tmp_path / "out"), "--rain", "400")
    assert isinstance(result.exception, ConfigurationError)
    assert "400" in str(result.exception)
    assert not (tmp_path / "out").exists()
