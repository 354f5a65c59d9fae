"""A recording made by hand, with a known fate for every frame, and the numbers and files that follow from it."""

import json

import cv2
import numpy as np
import pytest

from camseg_core.data.sources import SourceFrame
from camseg_core.errors import CamsegError
from camseg_core.labels import CAMVID, CITYSCAPES
from camseg_core.weather import Weather
from camseg_ros.replay import topics
from camseg_ros.replay.assessment import Assessment
from camseg_ros.replay.options import DemoOptions
from camseg_ros.replay.recording import JsonLines, Recording

HEIGHT, WIDTH = 20, 30
START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 200_000_000
SKY, ROAD, TREE = (CAMVID.names.index(name) for name in ("sky", "road", "tree"))
DROPPED = 2
WEATHER = [Weather.clear(), Weather.clear(), Weather.fog(100.0), Weather.fog(90.0)]
SCORES = [4.0, 6.0, 5.0, 20.0]


def true_labels():
    labels = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    labels[HEIGHT // 2 :] = ROAD
    labels[0] = 255
    return labels


def predicted_labels():
    """Half the sky's labelled columns are called tree: IoU of sky 1/2, of tree 0, of road 1."""
    labels = np.full((HEIGHT, WIDTH), SKY, np.uint8)
    labels[:, : WIDTH // 2] = TREE
    labels[HEIGHT // 2 :] = ROAD
    return labels


def frames(labelled=True):
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    labels = true_labels() if labelled else None
    return [SourceFrame(image, n * PERIOD_NS, labels, WEATHER[n] if labelled else None) for n in range(4)]


@pytest.fixture
def recording(tmp_path):
    """Four frames sent, all received, one dropped; masks arrive 100, 110 and 130 ms after their stamps."""
    recording = Recording(tmp_path / "recording")
    recording.create()
    sent, arrivals, drift = (JsonLines(path) for path in (recording.sent, recording.arrivals, recording.drift))
    for index in range(4):
        stamp_ns = START_NS + index * PERIOD_NS
        sent.write(index=index, stamp_ns=stamp_ns)
        if index == DROPPED:
            continue
        for topic in topics.OUTPUTS:
            stamp = None if topic == topics.DRIFT_SCORE else stamp_ns
            arrivals.write(topic=topic, stamp_ns=stamp, arrival_ns=stamp_ns + (100 + 10 * index) * 1_000_000)
        drift.write(
            stamp_ns=stamp_ns, score=SCORES[index], method="m", state=1, warn_threshold=10.0, error_threshold=15.0
        )
        cv2.imwrite(str(recording.mask(stamp_ns)), predicted_labels())
        cv2.imwrite(str(recording.overlay(stamp_ns)), np.full((HEIGHT, WIDTH, 3), 60 * index, np.uint8))
    arrivals.write(topic=topics.DIAGNOSTICS, stamp_ns=1, arrival_ns=1)
    values = {"received": "4", "processed": "3", "dropped": "1", "failed": "0"}
    JsonLines(recording.diagnostics).write(stamp_ns=START_NS, values=values)
    return recording


@pytest.fixture
def setup():
    from datetime import UTC, datetime

    options = DemoOptions(None, None, None, None, 5.0, 0, "camseg-small", "cpu", 4, "", 300.0)
    return options.setup(datetime(2026, 1, 2, tzinfo=UTC))


def metrics_of(recording, source, setup, out):
    Assessment(recording, source, CAMVID).write(out, setup)
    return json.loads((out / "metrics.json").read_text())


def test_counts_latency_and_transport_follow_from_the_recording(recording, setup, tmp_path):
    metrics = metrics_of(recording, frames(), setup, tmp_path)
    assert [metrics[f"frames_{name}"] for name in ("sent", "received", "processed", "dropped")] == [4, 4, 3, 1]
    assert metrics["latency_ms"]["p50"] == pytest.approx(110.0)
    assert metrics["transport"] == {"frames_lost": 0, "messages_received": dict.fromkeys(topics.OUTPUTS, 3)}
    assert metrics["stamps_match"] is True


def test_miou_is_over_the_processed_frames_and_leaves_void_out(recording, setup, tmp_path):
    metrics = metrics_of(recording, frames(), setup, tmp_path)
    assert metrics["per_class_iou"]["sky"] == pytest.approx(1 / 2)
    assert metrics["per_class_iou"]["road"] == 1.0
    assert metrics["miou"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert metrics["conditions"]["fog"]["miou"] == pytest.approx(1 / 2)
    assert (metrics["conditions"]["fog"]["frames"], metrics["conditions"]["fog"]["processed"]) == (2, 1)


def test_drift_auroc_compares_the_true_weather_of_the_judged_frames(recording, setup, tmp_path):
    # Judged: clear 4 and 6, fog 20; the fog frame with 5 was dropped.
    assert metrics_of(recording, frames(), setup, tmp_path)["drift_auroc"] == 1.0


def test_without_truth_the_numbers_that_need_it_are_null(recording, setup, tmp_path):
    metrics = metrics_of(recording, frames(labelled=False), setup, tmp_path)
    assert metrics["miou"] is None
    assert metrics["drift_auroc"] is None
    assert metrics["latency_ms"]["p50"] is not None


def test_labels_of_other_classes_are_left_out_and_the_true_weather_is_not(recording, setup, tmp_path):
    Assessment(recording, frames(), CITYSCAPES, with_labels=False).write(tmp_path, setup)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["miou"], metrics["per_class_iou"], metrics["conditions"]["fog"]["miou"]) == (None, None, None)
    assert metrics["drift_auroc"] == 1.0
    # Of every processed frame the overlay alone: its true labels have no colours among the model's.
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg;base64,") == 3


@pytest.mark.parametrize("stamp_ns", [START_NS + 1, START_NS], ids=["a stamp never sent", "a stamp twice"])
def test_an_output_with_a_wrong_stamp_is_told(recording, setup, tmp_path, stamp_ns):
    JsonLines(recording.arrivals).write(topic=topics.OVERLAY, stamp_ns=stamp_ns, arrival_ns=START_NS + 10)
    assert metrics_of(recording, frames(), setup, tmp_path)["stamps_match"] is False


def test_the_video_runs_as_fast_as_the_drive_a_dropped_frame_holds_the_overlay_before_it(recording, setup, tmp_path):
    metrics_of(recording, frames(), setup, tmp_path)
    reader = cv2.VideoCapture(str(tmp_path / "overlay.mp4"))
    greys = []
    while (read := reader.read())[0]:
        greys.append(round(float(read[1].mean()) / 60))
    assert greys == [0, 1, 1, 3]


def test_the_report_is_written_too(recording, setup, tmp_path):
    metrics_of(recording, frames(), setup, tmp_path)
    page = (tmp_path / "report.html").read_text()
    # Every processed frame is shown, each with its true labels.
    assert page.count("data:image/jpeg;base64,") == 2 * 3


def test_a_recording_without_frames_or_counters_is_an_error(recording):
    recording.diagnostics.unlink()
    with pytest.raises(CamsegError, match="holds no sent frames or no diagnostics"):
        Assessment(recording, frames(), CAMVID)
