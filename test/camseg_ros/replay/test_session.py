"""Player, node and recorder as real processes over real DDS; the node is the real one, its engine needs no weights."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from camseg_core.labels import CAMVID
from camseg_ros.replay import topics
from camseg_ros.replay.assessment import Assessment
from camseg_ros.replay.options import DemoOptions
from camseg_ros.replay.processes import ChildError
from camseg_ros.replay.recording import Recording, read_json_lines
from camseg_ros.replay.session import run_session

pytestmark = [pytest.mark.ros, pytest.mark.slow]

FAKE_NODE = Path(__file__).resolve().parents[1] / "fake_engine_process.py"
"""The real node with an engine that finds, at each pixel, the class that is its red value."""

FRAMES = 12
ROAD = CAMVID.names.index("road")


def node(inference_s):
    return [sys.executable, str(FAKE_NODE), str(inference_s)]


@pytest.fixture
def options(ros_domain, monkeypatch, tmp_path):
    """Twelve frames whose red value is the class road, with labels that say so except for a void row."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros_domain))
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    truth = np.full((24, 32), ROAD, np.uint8)
    truth[0] = len(CAMVID)
    for index in range(FRAMES):
        pixels = np.dstack([np.full((24, 32), value, np.uint8) for value in (20 * index, 20 * index, ROAD)])
        cv2.imwrite(str(images / f"{index:02}.png"), pixels)
        cv2.imwrite(str(labels / f"{index:02}.png"), truth)
    # Slow enough for a machine that is busy with other things: no frame may meet one still in work.
    return DemoOptions(images, labels, None, None, 3.0, 0, "camseg-small", "cpu", 4, "", 300.0)


def children_of_this_process():
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


def new_recording(out):
    recording = Recording(out / "recording")
    recording.create()
    return recording


def assess(options, recording):
    out = recording.folder.parent
    return Assessment(recording, options.open_source(), CAMVID).write(out, options.setup(datetime.now(UTC)))


def test_every_frame_arrives_and_every_output_of_it_comes_back_with_its_stamp(options, tmp_path):
    recording = new_recording(tmp_path / "out")
    told = []
    run_session(options, recording, told.append, node(0.0))
    summary = assess(options, recording)
    counts = summary.counts
    assert (counts.sent, counts.received, counts.processed, counts.dropped) == (FRAMES, FRAMES, FRAMES, 0)
    assert summary.messages_received == dict.fromkeys(topics.OUTPUTS, FRAMES)
    assert summary.stamps_match
    assert summary.segmentation.miou == 1.0
    assert all(milliseconds > 0.0 for milliseconds in summary.latency_ms.values())
    assert {"overlay.mp4", "report.html", "metrics.json"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert told[0].startswith("starting")
    # What the node judged is kept frame by frame: the fake engine's score is the green value of the first pixel.
    sent = [line["stamp_ns"] for line in read_json_lines(recording.sent)]
    scores = {line["stamp_ns"]: line["score"] for line in read_json_lines(recording.drift)}
    assert [scores[stamp_ns] for stamp_ns in sent] == [20.0 * index for index in range(FRAMES)]


def test_a_node_slower_than_the_camera_drops_frames_and_the_session_waits_for_the_last(options, tmp_path):
    recording = new_recording(tmp_path / "out")
    run_session(options, recording, lambda line: None, node(0.5))
    counts = assess(options, recording).counts
    assert counts.received == FRAMES
    assert counts.dropped > 0
    assert counts.processed + counts.dropped == FRAMES
    assert recording.mask([line["stamp_ns"] for line in read_json_lines(recording.sent)][-1]).exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys; sys.exit('weights nowhere.safetensors are missing')", "nowhere.safetensors are missing"),
        ("raise SystemExit(0)", "camseg_node ended with exit code 0"),
    ],
)
def test_a_node_that_ends_early_is_an_error_and_leaves_nothing_running(options, tmp_path, code, message):
    before = children_of_this_process()
    with pytest.raises(ChildError, match=message):
        run_session(options, new_recording(tmp_path), lambda line: None, [sys.executable, "-c", code])
    assert children_of_this_process() == before


def test_a_frame_that_cannot_be_decoded_ends_the_session(options, tmp_path, capfd):
    (options.images / "05.png").write_bytes(b"no picture")
    with pytest.raises(ChildError, match="camseg_player ended with exit code 1"):
        run_session(options, new_recording(tmp_path), lambda line: None, node(0.0))
    assert "05.png: cannot be decoded" in capfd.readouterr().err
