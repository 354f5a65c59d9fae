"""``camseg weather``: what it writes, and what it refuses before it writes anything."""

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.cli.render import SKY_DEPTH
from camseg_core.cli.weather import app
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import CAMVID
from camseg_core.weather import Weather, apply_fog, apply_weather, assumed_camera, estimate_depth

IMAGE = np.random.default_rng(0).integers(20, 200, (48, 64, 3), dtype=np.uint8)
LABELS = np.full((48, 64), CAMVID.names.index("sky"), np.uint8)
LABELS[24:] = CAMVID.names.index("road")


@pytest.fixture
def folder(tmp_path):
    for name in ("images", "labels", "depth"):
        (tmp_path / name).mkdir()
    for stem in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"images/{stem}.png"), IMAGE[..., ::-1])
        cv2.imwrite(str(tmp_path / f"labels/{stem}.png"), LABELS)
        depth = np.full((48, 64), SKY_DEPTH, np.uint16)
        depth[24:] = 2000
        cv2.imwrite(str(tmp_path / f"depth/{stem}.png"), depth)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["apply", *map(str, arguments)])


def written(path):
    return cv2.imread(str(path))[..., ::-1]


def test_depth_comes_from_labels(folder):
    result = run("--fog", "40m", "--labels", folder / "labels", "--out", folder / "out", folder / "images")
    assert result.exit_code == 0
    assert "2 images, fog 40 m, seed 0" in result.output
    depth_m = estimate_depth(LABELS, assumed_camera(64, 48, LABELS))
    assert np.array_equal(written(folder / "out/a.png"), apply_fog(IMAGE, depth_m, 40.0))
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["a.png", "b.png"]


def test_depth_comes_from_depth_images(folder):
    run("--fog", "40m", "--depth", folder / "depth", "--out", folder / "out", folder / "images/a.png")
    depth_m = np.where(np.arange(48)[:, None] < 24, np.inf, 20.0) * np.ones((1, 64))
    assert np.array_equal(written(folder / "out/a.png"), apply_fog(IMAGE, depth_m, 40.0))


def test_depth_comes_from_a_model_where_nothing_else_is_given(folder, tiny_model):
    result = run("--fog", "40m", "--model", tiny_model, "--out", folder / "out", folder / "images/a.png")
    assert result.exit_code == 0
    assert not np.array_equal(written(folder / "out/a.png"), IMAGE)


def test_frames_of_a_folder_follow_each_other_in_time(folder):
    run(
        "--rain",
        "50mmh",
        "--seed",
        4,
        "--depth",
        folder / "depth",
        "--rate-hz",
        5,
        "--out",
        folder / "out",
        folder / "images",
    )
    depth_m = np.where(np.arange(48)[:, None] < 24, np.inf, 20.0) * np.ones((1, 64))
    expected = apply_weather(Weather.rain(50), IMAGE, depth_m.astype(np.float32), 4, time_s=0.2)
    assert np.array_equal(written(folder / "out/b.png"), expected)


def test_dirt_on_the_lens_needs_no_depth(folder):
    assert run("--lens", "30%", "--out", folder / "out", folder / "images/a.png").exit_code == 0


def test_nothing_is_replaced_unless_told(folder):
    arguments = ["--lens", "30%", "--out", folder / "out", folder / "images"]
    run(*arguments)
    before = (folder / "out/a.png").read_bytes()
    result = run(*arguments, "--seed", 1)
    assert isinstance(result.exception, ConfigurationError)
    assert "a.png: is already there" in str(result.exception)
    assert (folder / "out/a.png").read_bytes() == before
    assert run(*arguments, "--seed", 1, "--overwrite").exit_code == 0
    assert (folder / "out/a.png").read_bytes() != before


def test_the_images_themselves_are_never_replaced(folder):
    result = run("--lens", "30%", "--overwrite", "--out", folder / "images", folder / "images")
    assert "expected another folder" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "weather given: none"),
        (["--fog", "50m", "--rain", "5mmh"], "weather given: fog, rain"),
        (["--fog", "50"], "fog of '50'; expected a number and its unit, such as 150m"),
        (["--rain", "500mmh"], "500.0 mm/h of rain; expected a finite number above 0, up to 300"),
    ],
)
def test_unclear_weather_is_refused_before_anything_is_written(folder, arguments, named):
    result = run(*arguments, "--out", folder / "out", folder / "images")
    assert isinstance(result.exception, ConfigurationError)
    assert named in str(result.exception)
    assert not (folder / "out").exists()


def test_missing_files_are_named(folder):
    for arguments, named in (
        (["--lens", "5%", folder / "images/c.png"], "c.png: no such file"),
        (["--fog", "50m", "--labels", folder / "depth", folder / "images"], "a.png"),
        (["--fog", "50m", "--depth", folder / "labels", folder / "images"], "expected a 16-bit PNG"),
    ):
        result = run("--out", folder / "out", *arguments)
        assert isinstance(result.exception, DatasetError)
        assert named in str(result.exception)


def test_two_images_of_one_name_are_refused(folder):
    result = run("--lens", "5%", "--out", folder / "out", folder / "images", folder / "images/a.png")
    assert "would both become" in str(result.exception)
