"""``camseg replay --live``: the bag through a real node, against what the same bag gives without one."""

import json
import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from camseg_ros.msg import EmbeddingDrift
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from camseg_core.data.sources.bag_images import BagMessage
from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftResult, DriftState
from camseg_core.labels import CAMVID
from camseg_core.replay.drift_message import drift_result
from camseg_core.replay.inference import infer_images
from camseg_core.replay.messages import MessageFactory
from camseg_core.replay.output_bag import DEFAULT_OUTPUTS
from camseg_core.replay.replay import Replay
from camseg_core.replay.settings import Playback, ReplaySettings
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.conversion import drift_message, image_message, time_message
from camseg_ros.replay.bag_player import Tick, schedule
from camseg_ros.replay.live import LiveInference
from camseg_ros.replay.surroundings import DOMAIN_VARIABLE

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "camseg_core" / "replay"))

from replay_bags import frame_pixels, read_outputs, stamp_of, write_bag
from replay_bags import image_message as recorded_image

pytestmark = pytest.mark.ros

FAKE_NODE = [sys.executable, str(Path(__file__).resolve().parents[1] / "fake_engine_process.py"), "0.0"]
FRAMES = 6
SLOW = Playback(rate=0.2)

DRIFT = DriftResult(
    score=1.25,
    method="mahalanobis",
    p_value=0.01,
    warn_threshold=1.0,
    error_threshold=1.5,
    state=DriftState.WARN,
    state_since_ns=stamp_of(0),
    reference_id="0123456789abcdef",
    model_id="camseg-small",
    sequential_statistic=3.5,
    sequential_threshold=8.0,
    expected_run_length_s=3600.0,
    region_rows=1,
    region_columns=2,
    region_scores=(0.5, 1.75),
    causes={"fog": 0.75, "rain": 0.25},
    visibility_m=180.0,
    visibility_std_m=40.0,
)


@pytest.fixture
def settings(tmp_path):
    """Of a model folder that the fake engine does not read."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return ReplaySettings(engine=EngineSettings(model=str(tmp_path / "model"), device="cpu"))


@pytest.fixture
def domain(ros_domain, monkeypatch):
    monkeypatch.setenv(DOMAIN_VARIABLE, str(ros_domain))


def random_images(count=FRAMES):
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(count)]


def test_messages_without_ros_are_the_nodes_as_ros_reads_them():
    make = MessageFactory()
    header = Header(stamp=time_message(stamp_of(1)), frame_id="front_optical")
    same_header = make.header(stamp_of(1), "front_optical")
    node_drift = drift_message(DRIFT, "front", header, 0.125)
    assert deserialize_message(make.drift(DRIFT, "front", same_header, 0.125), EmbeddingDrift) == node_drift
    labels = frame_pixels(3)[..., 0]
    assert deserialize_message(make.image(labels, "mono8", same_header), Image) == image_message(
        labels, "mono8", header
    )


def test_a_judgement_comes_back_from_its_message_whole():
    message = deserialize_message(serialize_message(drift_message(DRIFT, "front", Header(), 0.0)), EmbeddingDrift)
    assert drift_result(message) == DRIFT


def test_the_definition_beside_the_code_is_that_of_the_message():
    root = Path(__file__).resolve().parents[3]
    copy = root / "camseg_core" / "replay" / "EmbeddingDrift.msg"
    assert copy.read_text() == (root / "msg" / "EmbeddingDrift.msg").read_text()


def test_the_clock_ticks_between_the_images_as_often_by_the_wall_at_every_rate():
    messages = [BagMessage("/camera", number, 1_000_000_000 + number * 100_000_000, b"") for number in range(3)]
    for rate in (1.0, 2.0):
        events = list(schedule(messages, Playback(rate=rate, clock_hz=20.0)))
        assert [event for event in events if isinstance(event, BagMessage)] == messages
        ticks = [event.time_ns for event in events if isinstance(event, Tick)]
        assert ticks == list(range(1_000_000_000, 1_200_000_001, round(rate * 50_000_000)))
        # Before an image comes every tick up to its time.
        assert isinstance(events[0], Tick)
    assert list(schedule(messages, Playback(clock_hz=0.0))) == messages


@pytest.mark.slow
def test_node_and_replay_give_the_same_masks_bit_for_bit(tmp_path, tiny_model, domain):
    engine_settings = EngineSettings(model=str(tiny_model), device="cpu")
    settings = ReplaySettings(engine=engine_settings, outputs=(*DEFAULT_OUTPUTS, "confidence"))
    frames = [("/front/image_raw", recorded_image(image, stamp_of(n))) for n, image in enumerate(random_images())]
    bag = write_bag(tmp_path / "drive", frames)
    engine = InferenceEngine(settings.engine)
    infer = partial(infer_images, engine, with_confidence=True)
    Replay(bag, tmp_path / "without", settings).run(infer, engine.label_set, "cpu")
    node = LiveInference(settings.engine, SLOW, with_confidence=True)
    summary = Replay(bag, tmp_path / "through", settings).run(node, engine.label_set, "cpu", live=True)
    assert (summary.live.sent, summary.live.received) == (FRAMES, FRAMES)
    through, without = (
        {
            (topic, message.header.stamp.nanosec): message
            for topic, _, message in read_outputs(tmp_path / way / "drive" / "outputs")
            if hasattr(message, "header")
        }
        for way in ("through", "without")
    )
    masks = [key for key in through if key[0] in ("/camseg/mask", "/camseg/confidence")]
    assert masks
    for key in masks:
        assert len(np.unique(without[key].data)) > 1
        np.testing.assert_array_equal(through[key].data, without[key].data)
    assert [key for key in without if key[0] in ("/camseg/mask", "/camseg/confidence")] == masks
    for key in through:
        if key[0] == "/camseg/drift":
            assert through[key].score == without[key].score
            assert through[key].latency_s > 0.0
            assert math.isnan(without[key].latency_s)


@pytest.mark.slow
def test_several_cameras_go_through_one_node_and_every_frame_is_accounted_for(
    tmp_path, settings, ros_domain, domain, monkeypatch, capfd
):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")  # the user's own, which stays the user's
    messages = []
    for index in range(FRAMES):
        for place, topic in enumerate(("/front/image_raw", "/rear/image_raw")):
            pixels = frame_pixels(index, 120 * place)
            messages.append((topic, recorded_image(pixels, stamp_of(index) + place * 50_000_000)))
    bag = write_bag(tmp_path / "drive", messages)
    node = LiveInference(settings.engine, SLOW, FAKE_NODE)
    summary = Replay(bag, tmp_path / "out", settings).run(node, CAMVID, "cpu", live=True)
    assert summary.live.sent == summary.live.received == 2 * FRAMES
    assert summary.live.processed + summary.live.dropped == 2 * FRAMES
    assert [(camera.name, camera.topic) for camera in summary.cameras] == [
        ("front", "/front/image_raw"),
        ("rear", "/rear/image_raw"),
    ]
    assert sum(camera.frames for camera in summary.cameras) == summary.live.processed
    # FakeEngine's score is the green value of the first pixel.
    assert [camera.drift.score_max for camera in summary.cameras] == [0.0, 120.0]
    assert summary.run.latency_ms["p50"] > 0.0
    written = json.loads((tmp_path / "out" / "drive" / "summary.json").read_text())
    assert written["live"]["sent"] == 2 * FRAMES
    assert f"to camseg_node in ROS domain {ros_domain} of this machine" in capfd.readouterr().err
    assert os.environ["ROS_DOMAIN_ID"] == "7"
    assert "latency, median" in (tmp_path / "out" / "drive" / "report.html").read_text()


@pytest.mark.slow
def test_frames_of_one_stamp_cannot_be_told_apart_and_are_refused(tmp_path, settings, domain):
    stamps = (stamp_of(0), stamp_of(1), stamp_of(1), stamp_of(2))
    frames = [("/camera/image_raw", recorded_image(frame_pixels(n), stamp)) for n, stamp in enumerate(stamps)]
    bag = write_bag(tmp_path / "drive", frames)
    node = LiveInference(settings.engine, SLOW, FAKE_NODE)
    with pytest.raises(ConfigurationError, match=rf"frames 1 and 2 of the bag have the same stamp, {stamp_of(1)} ns"):
        Replay(bag, tmp_path / "out", settings).run(node, CAMVID, "cpu", live=True)
    assert not (tmp_path / "out" / "drive").exists()


def interrupted_endless_replay(tmp_path, settings, progress, times, rate=Playback.rate):
    """Plays four frames again and again; Ctrl-C where the player has said ``progress`` so often.

    Returns its exit code, standard output and standard error.
    """
    bag = write_bag(
        tmp_path / "drive", [("/camera/image_raw", recorded_image(frame_pixels(n), stamp_of(n))) for n in range(4)]
    )
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.replay.replay import Replay
from camseg_core.replay.settings import Playback, ReplaySettings
from camseg_core.runtime.settings import EngineSettings
from camseg_ros.replay.live import LiveInference
engine = EngineSettings(model={settings.engine.model!r}, device="cpu")
node = LiveInference(engine, Playback(rate={rate}, loop=True), {FAKE_NODE!r})
summary = Replay(Path({str(bag)!r}), Path({str(tmp_path / "out")!r}), ReplaySettings(engine=engine)).run(
    node, CAMVID, "cpu"
)
print(summary.frames, summary.live.sent)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        seen = b""
        while seen.count(progress) < times:
            piece = process.stderr.read1(4096)
            assert piece, seen.decode()
            seen += piece
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.slow
def test_ctrl_c_ends_an_endless_replay_with_the_results_of_its_first_pass(tmp_path, settings, domain):
    code, output, errors = interrupted_endless_replay(tmp_path, settings, b"playing: 100%", 4)  # twice a pass
    assert code == 0, errors
    frames, sent = map(int, output.split())
    assert 1 <= frames <= 4
    assert sent >= 8


@pytest.mark.slow
def test_ctrl_c_within_the_first_pass_of_an_endless_replay_leaves_no_results(tmp_path, settings, domain):
    code, output, errors = interrupted_endless_replay(tmp_path, settings, b"playing:", 1, SLOW.rate)
    assert (code, output) == (-signal.SIGINT, ""), errors
    assert "KeyboardInterrupt" in errors
    assert not (tmp_path / "out" / "drive").exists()
