"""Player, node and recorder as real processes over real DDS; the node is the real one, its engine needs no weights."""

import os
import shutil
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from ros_harness import Peer

from camseg_core.labels import CAMVID
from camseg_ros.replay import session, topics
from camseg_ros.replay.assessment import Assessment
from camseg_ros.replay.options import DemoOptions
from camseg_ros.replay.processes import ChildError
from camseg_ros.replay.recording import Recording, read_json_lines
from camseg_ros.replay.session import run_session
from camseg_ros.replay.surroundings import DOMAIN_VARIABLE

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
    monkeypatch.setenv(DOMAIN_VARIABLE, str(ros_domain))
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
    domain = os.environ[DOMAIN_VARIABLE]
    assert told[0].startswith("starting")
    assert told[0].endswith(f"in ROS domain {domain} of this machine (to watch: ROS_DOMAIN_ID={domain} rviz2)")
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


def test_a_session_is_seen_in_the_domain_it_tells_and_not_in_the_users(
    options, ros_domain, shared_domain, tmp_path, monkeypatch
):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(shared_domain))
    peers, seen = {}, {}

    with ExitStack() as running:

        def watch(line):
            """Joins at the start, and looks when everything is sent."""
            if line.startswith("starting"):
                with monkeypatch.context() as patch:
                    # As RViz does that is given the domain and nothing else.
                    patch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE")
                    peers["viewer"] = running.enter_context(Peer(ros_domain))
                peers["viewer"].subscribe("mask")
                peers["bystander"] = running.enter_context(Peer(shared_domain))
            elif line == "stopping":
                peers["viewer"].wait_until(lambda: peers["viewer"].received["mask"], "a mask")
                peers["bystander"].spin_for(1.0)
                for name, peer in peers.items():
                    seen[name] = (peer.node.count_publishers(topics.MASK), len(peer.received["diagnostics"]) > 0)

        run_session(options, new_recording(tmp_path / "out"), watch, node(0.0))
    assert seen == {"viewer": (1, True), "bystander": (0, False)}


def test_a_picture_that_cannot_be_kept_ends_the_session(options, tmp_path):
    recording = new_recording(tmp_path / "out")

    def lose_the_folder(line):
        if line.startswith("playing"):
            shutil.rmtree(recording.mask(0).parent)

    with pytest.raises(ChildError, match="camseg_recorder ended with exit code 1") as ended:
        run_session(options, recording, lose_the_folder, node(0.0))
    assert ".png cannot be written: No such file or directory" in str(ended.value)


def test_a_recorder_that_cannot_keep_the_last_pictures_ends_the_session(options, tmp_path, monkeypatch):
    code = """
from camseg_core.errors import CamsegError
from camseg_ros.replay import recorder
close = recorder.PictureWriter.close
def close_with_the_disk_full(writer):
    close(writer)
    raise CamsegError("the last picture cannot be written")
recorder.PictureWriter.close = close_with_the_disk_full
recorder.main()
"""
    others = session._python

    def command(module):
        return [sys.executable, "-c", code] if module.endswith(".recorder") else others(module)

    monkeypatch.setattr(session, "_python", command)
    with pytest.raises(ChildError, match="camseg_recorder: the last picture cannot be written"):
        run_session(options, new_recording(tmp_path / "out"), lambda line: None, node(0.0))
