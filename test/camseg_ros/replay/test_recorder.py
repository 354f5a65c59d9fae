"""The recorder as people start it: into a folder that is not there, and where nothing can be written."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from ros_harness import PATIENCE_S, RELIABLE, frame_message
from sensor_msgs.msg import Image

from camseg_core.errors import CamsegError
from camseg_ros.replay import topics
from camseg_ros.replay.recorder import PictureWriter
from camseg_ros.replay.recording import Recording

pytestmark = pytest.mark.ros

STAMP_NS = 5
PIXELS = np.full((48, 64, 3), (200, 40, 90), np.uint8)


@pytest.fixture
def start_recorder(ros_domain):
    """Starts camseg_recorder in the test's domain."""
    started = []

    def start(folder):
        command = [sys.executable, "-m", "camseg_ros.replay.recorder", str(folder)]
        environment = os.environ | {"ROS_DOMAIN_ID": str(ros_domain)}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def publish_overlays(peer, recorder, until):
    """Publishes one overlay again and again until something is so, or the recorder has ended."""
    overlay = frame_message(PIXELS, STAMP_NS)
    camera = peer.camera(topics.OVERLAY, Image, RELIABLE)
    give_up = time.monotonic() + PATIENCE_S
    while not until() and recorder.poll() is None:
        assert time.monotonic() < give_up
        camera.publish(overlay)
        peer.spin_for(0.1)


def test_a_folder_that_is_not_there_is_made_and_everything_is_kept(start_recorder, peer, tmp_path):
    recording = Recording(tmp_path / "trip" / "recording")
    recorder = start_recorder(recording.folder)
    publish_overlays(peer, recorder, recording.overlay(STAMP_NS).exists)
    recorder.send_signal(signal.SIGINT)
    _, errors = recorder.communicate(timeout=PATIENCE_S)
    assert (recorder.returncode, errors) == (0, "")
    kept = cv2.imread(str(recording.overlay(STAMP_NS)))
    np.testing.assert_allclose(kept[..., ::-1], PIXELS, atol=3.0)  # it is a JPEG
    arrival = json.loads(recording.arrivals.read_text().splitlines()[0])
    assert (arrival["topic"], arrival["stamp_ns"]) == (topics.OVERLAY, STAMP_NS)


def test_a_folder_that_cannot_be_made_is_one_error(start_recorder, tmp_path):
    (tmp_path / "file").touch()
    recorder = start_recorder(tmp_path / "file" / "recording")
    _, errors = recorder.communicate(timeout=PATIENCE_S)
    assert recorder.returncode == 1
    assert errors.startswith("camseg_recorder: [Errno 20] Not a directory: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("file", ["arrivals", "overlay"])
def test_a_full_disk_ends_the_recorder_with_one_error(start_recorder, peer, tmp_path, file):
    recording = Recording(tmp_path)
    recording.make_folders()
    path = recording.overlay(STAMP_NS) if file == "overlay" else recording.arrivals
    path.symlink_to("/dev/full")
    recorder = start_recorder(tmp_path)
    publish_overlays(peer, recorder, lambda: False)
    _, errors = recorder.communicate(timeout=PATIENCE_S)
    assert recorder.returncode == 1
    assert errors == (
        f"camseg_recorder: {path} cannot be written: No space left on device; expected a folder with room for it\n"
    )


def test_after_a_picture_that_cannot_be_encoded_no_other_is_written(tmp_path):
    writer = PictureWriter()
    writer.write(tmp_path / "1.png", np.zeros((2, 3), np.uint8), [])
    writer.write(tmp_path / "2.png", np.zeros((0, 3), np.uint8), [])
    writer.write(tmp_path / "3.png", np.zeros((2, 3), np.uint8), [])
    with pytest.raises(CamsegError, match=r"2\.png cannot be encoded: its shape is \(0, 3\); expected an image"):
        writer.close()
    with pytest.raises(CamsegError, match=r"2\.png"):
        writer.check()
    assert [path.name for path in tmp_path.iterdir()] == ["1.png"]
