"""The command itself, with a real engine of random weights: what ``make demo`` runs and leaves behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from camseg_core.data.sources.stored_clip import StoredClip
from camseg_core.drift.scores import DEFAULT_SCORE
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CITYSCAPES
from camseg_core.model_files import CONFIG_NAME, WEIGHTS_NAME
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import save_module
from camseg_ros.replay import demo, topics
from camseg_ros.replay.recording import JsonLines, Recording
from camseg_ros.replay.surroundings import DOMAIN_VARIABLE

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "camseg_core" / "replay"))

from replay_bags import frame_pixels, stamp_of, write_bag
from replay_bags import image_message as recorded_image

pytestmark = [pytest.mark.ros, pytest.mark.slow]

FRAMES = 12
COMMAND = [sys.executable, "-m", "camseg_ros.replay.demo"]


@pytest.fixture
def folders(tmp_path):
    random = np.random.default_rng(0)
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for index in range(FRAMES):
        cv2.imwrite(str(images / f"{index:02}.png"), random.integers(0, 256, (60, 80, 3), dtype=np.uint8))
        cv2.imwrite(str(labels / f"{index:02}.png"), random.integers(0, 12, (60, 80), dtype=np.uint8))
    return images, labels


@pytest.fixture
def cityscapes_model(tiny_config, tmp_path):
    """Folder of a model like ``tiny_model``, but of Cityscapes' classes and without a drift reference."""
    autoencoder = replace(tiny_config.mask_autoencoder, channels=len(CITYSCAPES))
    config = replace(tiny_config, label_set=CITYSCAPES.name, mask_autoencoder=autoencoder)
    save_module(CamSeg(config), config, tmp_path / "cityscapes")
    return tmp_path / "cityscapes"


@pytest.fixture
def environment(ros_domain):
    """With a domain of the user's, beside which the demo finds one for itself."""
    own = {name: value for name, value in os.environ.items() if name != DOMAIN_VARIABLE}
    return own | {"ROS_DOMAIN_ID": str(ros_domain)}


def record(options, recording, tell):
    """Instead of a session: what node and recorder leave, with masks of a class that CamVid does not have."""
    stamp_ns = 1_700_000_000_000_000_000
    JsonLines(recording.sent).write(index=0, stamp_ns=stamp_ns)
    JsonLines(recording.arrivals).write(topic=topics.MASK, stamp_ns=stamp_ns, arrival_ns=stamp_ns + 1_000_000)
    values = {"received": "1", "processed": "1", "dropped": "0", "failed": "0"}
    JsonLines(recording.diagnostics).write(stamp_ns=stamp_ns, values=values)
    JsonLines(recording.drift).close()
    picture = cv2.imread(str(options.images / "000000.png"))
    cv2.imwrite(str(recording.overlay(stamp_ns)), picture)
    cv2.imwrite(str(recording.mask(stamp_ns)), np.full(picture.shape[:2], len(CITYSCAPES) - 1, np.uint8))


def play_a_frame_of_the_clip(out, model):
    """The demo itself, with one frame of the clip's 48 seconds."""
    demo.run(out=out, rate=1.0 / 48.0, model=str(model), device="cpu")


def processes_naming(path):
    """Command lines of running processes that mention ``path``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(path) in command and int(folder.name) != os.getpid():
            found.append(command)
    return found


def test_a_folder_is_played_measured_and_reported(folders, environment, tiny_model, tmp_path):
    images, labels = folders
    out = tmp_path / "out"
    options = ["--images", images, "--labels", labels, "--out", out, "--model", tiny_model, "--device", "cpu"]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["frames_sent"] == metrics["frames_received"] == FRAMES
    assert metrics["frames_processed"] + metrics["frames_dropped"] == FRAMES
    assert metrics["frames_processed"] >= 1
    assert metrics["stamps_match"] is True
    assert 0.0 < metrics["latency_ms"]["p50"] <= metrics["latency_ms"]["p95"] <= metrics["latency_ms"]["p99"]
    assert 0.0 <= metrics["miou"] <= 1.0
    assert metrics["drift_auroc"] is None
    assert metrics["drift"]["method"] == DEFAULT_SCORE
    assert "playing: 100%" in done.stderr
    domain = re.search(r"in ROS domain (\d+) of this machine \(to watch: ROS_DOMAIN_ID=(\d+) rviz2\)\n", done.stderr)
    assert domain[1] == domain[2] != environment["ROS_DOMAIN_ID"]
    assert f"{metrics['miou']:.3f}" in done.stdout
    assert f"{metrics['miou']:.3f}" in (out / "report.html").read_text()
    assert cv2.VideoCapture(str(out / "overlay.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert processes_naming(out) == []


def test_the_labels_of_a_folder_are_compared_as_the_classes_of_the_model(environment, cityscapes_model, tmp_path):
    images, labels, out = (tmp_path / name for name in ("images", "labels", "out"))
    images.mkdir()
    labels.mkdir()
    last = len(CITYSCAPES) - 1
    for index in range(3):
        cv2.imwrite(str(images / f"{index}.png"), np.full((60, 80, 3), 60 * index, np.uint8))
        cv2.imwrite(str(labels / f"{index}.png"), np.full((60, 80), last, np.uint8))
    options = ["--images", images, "--labels", labels, "--out", out, "--model", cityscapes_model]
    options += ["--device", "cpu", "--rate", "1", "--drift-reference", "auto"]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert tuple(metrics["per_class_iou"]) == CITYSCAPES.names
    # The one class that is labelled, whatever the random weights make of it.
    assert metrics["per_class_iou"][CITYSCAPES.names[last]] is not None


def test_the_built_in_clip_is_not_compared_with_masks_of_other_classes(cityscapes_model, monkeypatch, tmp_path, capsys):
    out = tmp_path / "out"
    monkeypatch.setattr(demo, "run_session", record)
    play_a_frame_of_the_clip(out, cityscapes_model)
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["frames_processed"], metrics["miou"]) == (1, None)
    reason = "without labels: they are camvid, the model is cityscapes"
    assert reason in " ".join(capsys.readouterr().err.split())
    assert reason in metrics["source"]


def test_a_node_that_cannot_start_is_one_error_with_its_reason(folders, environment, tiny_model, tmp_path):
    model = tmp_path / "half a model"
    model.mkdir()
    shutil.copy(tiny_model / CONFIG_NAME, model)
    options = ["--images", folders[0], "--out", tmp_path / "out", "--model", model]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "camseg_demo: camseg_node ended with exit code 1" in done.stderr
    assert f"{model / WEIGHTS_NAME}: no such file" in done.stderr.rpartition("camseg_demo:")[2]
    assert "Traceback" not in done.stderr
    assert processes_naming(tmp_path / "out") == []


def test_ctrl_c_while_playing_stops_everything(folders, environment, tiny_model, tmp_path):
    out = tmp_path / "out"
    options = ["--images", folders[0], "--out", out, "--model", tiny_model, "--device", "cpu", "--rate", "0.2"]
    with subprocess.Popen([*COMMAND, *options], env=environment, stderr=subprocess.DEVNULL) as demo:
        give_up = time.monotonic() + 200.0
        while not (out / "recording" / "sent.jsonl").exists() and time.monotonic() < give_up:
            time.sleep(0.1)
        assert len(processes_naming(out)) >= 3  # demo, node, recorder, player
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60.0) == 128 + signal.SIGINT
    assert processes_naming(out) == []


@pytest.mark.parametrize(
    ("option", "reason"),
    [("--bag", "bag {} does not exist\n"), ("--model", "model '{}' is not there; expected one of")],
)
def test_options_that_cannot_be_met_are_told_before_anything_starts(environment, tmp_path, option, reason):
    options = [option, tmp_path / "nowhere", "--out", tmp_path / "out"]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.startswith("camseg_demo: " + reason.format(tmp_path / "nowhere"))
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"steps": 0}, "parameter 'steps' is 0; expected an integer from 1 to 1000"),
        ({"seed": 2**31}, "parameter 'seed' is 2147483648; expected an integer from 0 to 2147483647"),
        ({"drift_run_length": 0.5}, "parameter 'drift_run_length_s' is 0.5; expected a number with a decimal"),
        ({"device": "gpu"}, "device 'gpu' is unknown; expected auto, cpu or cuda:N"),
        ({"device": "cuda:99"}, "device 'cuda:99' is not there; this machine has"),
    ],
)
def test_what_the_node_would_refuse_is_told_before_the_last_recording_is_emptied(
    folders, cityscapes_model, monkeypatch, tmp_path, options, reason
):
    monkeypatch.setattr(demo, "run_session", record)
    recording = Recording(tmp_path / "out" / "recording")
    recording.create()
    recording.overlay(0).touch()
    with pytest.raises(ConfigurationError) as told:
        demo.run(images=folders[0], out=tmp_path / "out", model=str(cityscapes_model), **options)
    assert str(told.value).startswith(reason)
    assert recording.overlay(0).exists()


def test_a_domain_that_is_none_is_told_before_anything_starts(environment, folders, tmp_path):
    options = ["--images", folders[0], "--out", tmp_path / "out"]
    asked = environment | {DOMAIN_VARIABLE: "300"}
    done = subprocess.run([*COMMAND, *options], env=asked, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == "camseg_demo: CAMSEG_ROS_DOMAIN_ID is '300'; expected a ROS domain, 0 to 232\n"
    assert not (tmp_path / "out").exists()


def test_a_demo_goes_on_into_the_folder_of_one_that_ended_or_was_killed(cityscapes_model, monkeypatch, tmp_path):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_session", record)
    play_a_frame_of_the_clip(tmp_path, cityscapes_model)
    for function, name in ((StoredClip, "write"), (demo, "run_session")):
        with monkeypatch.context() as patch:
            patch.setattr(function, name, killed)
            with pytest.raises(KeyboardInterrupt):
                play_a_frame_of_the_clip(tmp_path, cityscapes_model)
        (tmp_path / "metrics.json").unlink()
        play_a_frame_of_the_clip(tmp_path, cityscapes_model)
        assert json.loads((tmp_path / "metrics.json").read_text())["frames_processed"] == 1


@pytest.mark.parametrize(
    ("option", "place"),
    [("images", "clip/images"), ("labels", "clip/labels"), ("bag", "drive"), ("drift_reference", "r.safetensors")],
)
def test_what_is_played_from_an_earlier_recording_is_not_emptied(
    cityscapes_model, monkeypatch, tmp_path, option, place
):
    monkeypatch.setattr(demo, "run_session", record)
    monkeypatch.chdir(tmp_path)  # so that the paths are relative, as people write them
    out = Path("out")
    play_a_frame_of_the_clip(out, cityscapes_model)
    given = out / "recording" / place
    if option == "bag":
        write_bag(given, [("/camera/image_raw", recorded_image(frame_pixels(0), stamp_of(0)))])
    elif option == "drift_reference":
        given.touch()
    options = {option: str(given) if option == "drift_reference" else given}
    if option == "labels":
        options["images"] = (out / "recording" / "clip" / "images").rename(tmp_path / "frames")
    before = sorted(out.rglob("*"))
    with pytest.raises(ConfigurationError) as told:
        demo.run(**options, out=tmp_path / "out", model=str(cityscapes_model))
    assert str(told.value) == (
        f"--{option.replace('_', '-')} {given} lies in {tmp_path / 'out' / 'recording'}, which is emptied before the "
        "demo records into it; expected it elsewhere, or another --out"
    )
    assert sorted(out.rglob("*")) == before


def test_a_bag_that_is_called_as_the_recording_is_not_emptied(environment, tiny_model, tmp_path):
    out = tmp_path / "trip"
    bag = write_bag(out / "recording", [("/camera/image_raw", recorded_image(frame_pixels(0), stamp_of(0)))])
    before = {path: path.read_bytes() for path in bag.iterdir()}
    reasons = {
        ("--bag", bag): f"--bag {bag} lies in {bag}, which is emptied before the demo records into it",
        (): f"{bag} is there and no recording of camseg_demo, which would empty it",
    }
    for source, reason in reasons.items():
        options = [*source, "--out", out, "--model", tiny_model]
        done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert done.stderr.startswith(f"camseg_demo: {reason}")
        assert done.stderr.count("\n") == 1
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
