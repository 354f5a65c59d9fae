"""``camseg drift fit``: a reference from folders and bags of clear driving, and every input that gives none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from typer.testing import CliRunner

from camseg_core.cli.drift import FOLDER_RATE_HZ, app
from camseg_core.data.images import read_rgb
from camseg_core.drift.embedding import embed
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.scores import DEFAULT_SCORE
from camseg_core.errors import CamsegError, ConfigurationError, DatasetError, DriftReferenceError, WeightsError
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import image_latent

TYPES = get_typestore(Stores.ROS2_JAZZY)
BAG_RATE_HZ = 4.0


def noise(count: int, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(count)]


def write_folder(folder: Path, images: list[np.ndarray]) -> Path:
    folder.mkdir(parents=True)
    for index, image in enumerate(images):
        cv2.imwrite(str(folder / f"{index:03}.png"), image)
    return folder


def write_bag(path: Path, images: list[np.ndarray]) -> Path:
    image_type = TYPES.types["sensor_msgs/msg/Image"]
    header_type, time_type = TYPES.types["std_msgs/msg/Header"], TYPES.types["builtin_interfaces/msg/Time"]
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/camera", image_type.__msgtype__, typestore=TYPES)
        for index, image in enumerate(images):
            stamp_ns = round(index * 1e9 / BAG_RATE_HZ)
            header = header_type(time_type(*divmod(stamp_ns, 10**9)), "camera")
            height, width = image.shape[:2]
            message = image_type(header, height, width, "rgb8", 0, 3 * width, image.ravel())
            writer.write(connection, stamp_ns, TYPES.serialize_cdr(message, image_type.__msgtype__))
    return path


@pytest.fixture(scope="module")
def days(tmp_path_factory) -> list[Path]:
    """Folders of two clear days."""
    root = tmp_path_factory.mktemp("days")
    return [write_folder(root / f"day {seed}", noise(15, seed)) for seed in (1, 2)]


def run(model, out, *arguments):
    command = ["fit", "--model", str(model), "--device", "cpu", "--out", str(out)]
    return CliRunner().invoke(app, [*command, *map(str, arguments)])


@pytest.fixture(scope="module")
def fitted(tiny_model, days, tmp_path_factory):
    """What was printed, and the reference that was written."""
    out = tmp_path_factory.mktemp("fitted") / "folder" / "reference.safetensors"
    result = run(tiny_model, out, "--clear", *days)
    assert result.exit_code == 0, result.output
    return result, DriftReference.load(out, "camseg-tiny", embedding_hash(str(tiny_model)))


def test_each_folder_is_a_drive_of_the_model(fitted):
    _, reference = fitted
    assert (reference.frames, reference.drives) == (30, 2)
    assert (reference.method, reference.rate_hz) == (DEFAULT_SCORE, FOLDER_RATE_HZ)


def test_the_mean_is_that_of_the_embeddings_that_the_engine_would_see(fitted, tiny_model, days):
    model = load_model(str(tiny_model), resolve_device("cpu"))
    images = [read_rgb(path) for day in days for path in sorted(day.iterdir())]
    expected = np.mean([embed(image_latent(model, image)) for image in images], axis=0)
    np.testing.assert_allclose(fitted[1].embedding_mean, expected)


def test_what_was_fitted_is_said(fitted):
    result, reference = fitted
    printed = " ".join(result.stdout.split())
    assert f"reference {reference.reference_id} for camseg-tiny, score weather, from 30 frames of 2 drives" in printed
    assert f"WARN from {reference.warn_threshold:.3f}, ERROR from {reference.error_threshold:.3f}" in printed


def test_rate_and_score_are_as_asked(tiny_model, days, tmp_path):
    out = tmp_path / "reference.safetensors"
    result = run(tiny_model, out, "--clear", *days, "--rate-hz", 2, "--score", "mahalanobis")
    assert result.exit_code == 0, result.output
    reference = DriftReference.load(out, "camseg-tiny")
    assert (reference.rate_hz, reference.method) == (2.0, "mahalanobis")


def test_a_bag_is_a_drive_at_the_rate_of_its_stamps(tiny_model, tmp_path):
    out = tmp_path / "reference.safetensors"
    result = run(tiny_model, out, "--clear", write_bag(tmp_path / "bag", noise(25, seed=3)))
    assert result.exit_code == 0, result.output
    reference = DriftReference.load(out, "camseg-tiny")
    assert (reference.frames, reference.drives) == (25, 1)
    assert reference.rate_hz == pytest.approx(BAG_RATE_HZ)


def test_frames_that_repeat_each_other_are_too_short_to_judge_by(tiny_model, tmp_path):
    (image,) = noise(1, seed=4)
    slow = [np.round(127.5 + contrast * (image - 127.5)).astype(np.uint8) for contrast in np.linspace(0.4, 1.0, 40)]
    out = tmp_path / "reference.safetensors"
    result = run(tiny_model, out, "--clear", write_folder(tmp_path / "slow", slow))
    assert result.exit_code == 0, result.output
    assert not DriftReference.load(out, "camseg-tiny").is_conclusive
    assert "Too short to judge by" in result.stderr


def expect_error(result, kind: type[CamsegError], *parts):
    assert isinstance(result.exception, kind), result.output
    for part in parts:
        assert part in str(result.exception)


def test_an_unknown_score_is_named_before_anything_is_read(tiny_model, tmp_path):
    result = run(tiny_model, tmp_path / "out", "--clear", tmp_path / "absent", "--score", "vibes")
    expect_error(result, ConfigurationError, "--score 'vibes' is unknown; expected one of weather, ")


def test_an_unknown_model_is_named(days, tmp_path):
    expect_error(run("camseg-huge", tmp_path / "out", "--clear", days[0]), WeightsError, "camseg-huge")


def test_a_drive_that_is_not_there_is_named(tiny_model, days, tmp_path):
    result = run(tiny_model, tmp_path / "out", "--clear", days[0], tmp_path / "absent")
    expect_error(result, DatasetError, "absent")


def test_a_folder_without_images_is_named(tiny_model, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(tiny_model, tmp_path / "out", "--clear", tmp_path / "empty")
    expect_error(result, DatasetError, "empty")


def test_an_image_that_cannot_be_decoded_is_named(tiny_model, tmp_path):
    folder = write_folder(tmp_path / "day", noise(25, seed=5))
    (folder / "007.png").write_bytes(b"no image")
    expect_error(run(tiny_model, tmp_path / "out", "--clear", folder), DatasetError, "007.png: cannot be decoded")


def test_too_few_frames_are_counted(tiny_model, tmp_path):
    result = run(tiny_model, tmp_path / "out", "--clear", write_folder(tmp_path / "day", noise(12, seed=6)))
    expect_error(result, DriftReferenceError, "12 clear frames; expected 20 or more")


def test_a_drive_of_one_frame_is_counted(tiny_model, days, tmp_path):
    alone = write_folder(tmp_path / "alone", noise(1, seed=7))
    result = run(tiny_model, tmp_path / "out", "--clear", *days, alone)
    expect_error(result, DriftReferenceError, "clear drive 3 of 3 has 1 frames; expected 2 or more")


@pytest.mark.parametrize("value", [0, 128, 255], ids=["black", "grey", "white"])
def test_a_camera_that_always_sends_the_same_frame_is_refused(tiny_model, tmp_path, value):
    frames = [np.full((48, 64, 3), value, np.uint8)] * 25
    result = run(tiny_model, tmp_path / "out", "--clear", write_folder(tmp_path / "day", frames))
    expect_error(result, DriftReferenceError, "all 25 clear frames are the same; expected a drive")


def test_a_place_that_cannot_be_written_is_named(tiny_model, days, tmp_path):
    (tmp_path / "file").write_text("")
    result = run(tiny_model, tmp_path / "file" / "reference.safetensors", "--clear", *days)
    expect_error(result, ConfigurationError, "file/reference.safetensors: cannot be written")


def test_what_was_fitted_is_said_before_it_is_written(tiny_model, days, tmp_path, monkeypatch):
    monkeypatch.setattr("camseg_core.cli.drift.check_writable", lambda *paths: None)  # as if the disk filled since
    result = run(tiny_model, tmp_path, "--clear", *days)
    expect_error(result, DriftReferenceError, "cannot be written")
    assert "for camseg-tiny, score" in result.output


@pytest.mark.parametrize("rate", ["0", "inf", "nan"])
def test_a_rate_that_is_none_is_a_usage_error(tiny_model, days, tmp_path, rate):
    result = run(tiny_model, tmp_path / "out", "--clear", days[0], "--rate-hz", rate)
    assert result.exit_code == 2
    assert "--rate-hz" in result.stderr
