"""The command itself, with a real engine of random weights: what ``make demo`` runs and leaves behind."""

import json
import os
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

from camseg_core.drift.scores import DEFAULT_SCORE
from camseg_core.labels import CITYSCAPES
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import CONFIG_NAME, WEIGHTS_NAME, save_module
from camseg_ros.replay import demo, topics
from camseg_ros.replay.recording import JsonLines

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
def environment(transport):
    """Without a domain, so that the demo finds one for itself."""
    return {name: value for name, value in os.environ.items() if name != "ROS_DOMAIN_ID"}


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

    def record(options, recording, tell):
        """What node and recorder leave, with masks of a class that CamVid does not have."""
        stamp_ns = 1_700_000_000_000_000_000
        JsonLines(recording.sent).write(index=0, stamp_ns=stamp_ns)
        JsonLines(recording.arrivals).write(topic=topics.MASK, stamp_ns=stamp_ns, arrival_ns=stamp_ns + 1_000_000)
        values = {"received": "1", "processed": "1", "dropped": "0", "failed": "0"}
        JsonLines(recording.diagnostics).write(stamp_ns=stamp_ns, values=values)
        JsonLines(recording.drift).close()
        picture = cv2.imread(str(options.images / "000000.png"))
        cv2.imwrite(str(recording.overlay(stamp_ns)), picture)
        cv2.imwrite(str(recording.mask(stamp_ns)), np.full(picture.shape[:2], len(CITYSCAPES) - 1, np.uint8))

    monkeypatch.setattr(demo, "run_session", record)
    # One frame of the clip's 48 seconds.
    demo.run(out=out, rate=1.0 / 48.0, model=str(cityscapes_model), device="cpu")
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
