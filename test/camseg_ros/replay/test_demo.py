"""The command itself, with a real engine of random weights: what ``make demo`` runs and leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from camseg_core.drift.scores import DEFAULT_SCORE

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


def test_a_node_that_cannot_start_is_one_error_with_its_reason(folders, environment, tmp_path):
    options = ["--images", folders[0], "--out", tmp_path / "out", "--model", tmp_path / "nowhere"]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "camseg_demo: camseg_node ended with exit code 1" in done.stderr
    assert "nowhere" in done.stderr.rpartition("camseg_demo:")[2]
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


def test_options_that_cannot_be_met_are_told_before_anything_starts(environment, tmp_path):
    options = ["--bag", tmp_path / "drive.mcap", "--out", tmp_path / "out"]
    done = subprocess.run([*COMMAND, *options], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip() == f"camseg_demo: bag {tmp_path}/drive.mcap does not exist"
    assert not (tmp_path / "out").exists()
