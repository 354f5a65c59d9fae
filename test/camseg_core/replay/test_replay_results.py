"""What a replay leaves: a bag on the node's topics, a table, a summary, a report; each number by hand."""

import dataclasses
import functools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pyarrow import parquet
from replay_bags import (
    CLASSES,
    ERROR,
    HEIGHT,
    IMAGE,
    TYPES,
    WARN,
    WIDTH,
    FakeEngine,
    contents,
    drive,
    frame_pixels,
    image_message,
    read_outputs,
    stamp_of,
    write_bag,
)
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Writer

from camseg_core.drawing import annotated_overlay, colorize, draw_region_scores
from camseg_core.errors import CamsegError, ConfigurationError, DatasetError
from camseg_core.labels import CAMVID
from camseg_core.replay.drift_message import drift_result
from camseg_core.replay.inference import infer_images
from camseg_core.replay.journal import Journal
from camseg_core.replay.replay import Replay
from camseg_core.replay.summary import LiveCounts
from camseg_core.replay.topics import OUTPUT_TYPES

SCORES = [10, 20, 120, 220, 130, 15, 150]


def replay(bag, out, settings, engine=None, with_confidence=False):
    engine = engine or FakeEngine()
    one = Replay(bag, out, settings)
    infer = functools.partial(infer_images, engine, with_confidence=with_confidence, commit_period_s=0.0)
    return one.run(infer, CAMVID, "cpu")


def with_calibration(bag, out, height=HEIGHT, width=WIDTH, length_bytes=None):
    """The bag with two calibrations on the camera's camera_info: of before its first frame and from its third on.

    With ``length_bytes`` the second one is cut off there.
    """
    kind = "sensor_msgs/msg/CameraInfo"
    types = TYPES.types
    with AnyReader([bag], default_typestore=TYPES) as reader, Writer(out, version=9) as writer:
        images = writer.add_connection("/camera/image_raw", IMAGE, typestore=TYPES)
        infos = writer.add_connection("/camera/camera_info", kind, typestore=TYPES)
        for index, focal_length_px in ((0, 100.0), (2, 200.0)):
            info = types[kind](
                header=image_message(frame_pixels(0), 7, frame_id="calibration").header,
                height=height,
                width=width,
                distortion_model="plumb_bob",
                d=np.zeros(5),
                k=np.array([focal_length_px, 0, 16, 0, focal_length_px, 12, 0, 0, 1.0]),
                r=np.eye(3).ravel(),
                p=np.array([focal_length_px, 0, 16, 0, 0, focal_length_px, 12, 0, 0, 0, 1.0, 0]),
                binning_x=0,
                binning_y=0,
                roi=types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
            )
            data = bytes(TYPES.serialize_cdr(info, kind))
            writer.write(infos, stamp_of(index) - 1, data[:length_bytes] if index else data)
        for _, time_ns, data in reader.messages():
            writer.write(images, time_ns, bytes(data))
    return out


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_the_bag_has_every_output_of_every_frame_with_the_cameras_stamp_and_time_of_recording(
    tmp_path, settings, storage
):
    bag = drive(tmp_path / "drive", SCORES, storage=storage)
    replay(bag, tmp_path / "out", dataclasses.replace(settings, storage=storage))
    messages = read_outputs(tmp_path / "out" / "drive" / "outputs")
    assert [topic for topic, _, _ in messages[:4]] == [
        "/camseg/mask", "/camseg/mask_color", "/camseg/drift", "/camseg/drift/score",
    ]  # fmt: skip
    assert len(messages) == 4 * len(SCORES)
    for index in range(len(SCORES)):
        times = {time for _, time, _ in messages[4 * index : 4 * index + 4]}
        assert times == {stamp_of(index) + 3_000_000}
        mask, mask_color, drift, score = (message for _, _, message in messages[4 * index : 4 * index + 4])
        for header in (mask.header, mask_color.header, drift.header):
            assert header.stamp.sec * 10**9 + header.stamp.nanosec == stamp_of(index)
            assert header.frame_id == "front_optical"
        labels = frame_pixels(index)[..., 0]
        assert (mask.encoding, mask.height, mask.width, mask.step) == ("mono8", HEIGHT, WIDTH, WIDTH)
        np.testing.assert_array_equal(mask.data.reshape(HEIGHT, WIDTH), labels)
        np.testing.assert_array_equal(mask_color.data.reshape(HEIGHT, WIDTH, 3), colorize(labels, CAMVID))
        assert drift.score == score.data == SCORES[index]
        assert drift.camera_id == "camera"
        assert drift.sequential_statistic == index + 1
        assert np.isnan(drift.latency_s)


def test_the_table_has_a_row_for_each_frame_and_null_where_nothing_is_estimated(tmp_path, settings):
    replay(drive(tmp_path / "drive", SCORES), tmp_path / "out", settings)
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["drift_score"] == SCORES
    assert table["stamp_ns"] == [stamp_of(index) for index in range(len(SCORES))]
    assert table["drift_state"] == ["NOMINAL", "NOMINAL", "WARN", "ERROR", "WARN", "NOMINAL", "WARN"]
    assert table["camera"] == ["camera"] * len(SCORES)
    assert table["visibility_m"] == [None] * len(SCORES)
    assert table["miou"] == [None] * len(SCORES)
    assert table["drift_region_scores"][3] == [220.0, 0.5]
    assert table["drift_causes"][3] == [("fog", 0.75), ("rain", 0.25)]
    assert table["drift_causes"][0] == []


def test_segments_begin_and_end_with_the_state_and_have_peak_and_cause(tmp_path, settings):
    replay(drive(tmp_path / "drive", SCORES), tmp_path / "out", settings)
    (camera,) = summary_of(tmp_path / "out" / "drive")["cameras"]
    first, second = camera["drift"]["segments"]
    assert first == {
        "start_ns": stamp_of(2),
        "end_ns": stamp_of(5),
        "duration_s": pytest.approx(0.6),
        "frames": 3,
        "state": "ERROR",
        "peak_score": 220.0,
        "peak_ns": stamp_of(3),
        "cause": "fog",
        "cause_probability": pytest.approx(0.75),
    }
    # The drive ends in the second one.
    assert (second["start_ns"], second["end_ns"], second["duration_s"]) == (stamp_of(6), stamp_of(6), 0.0)
    assert camera["drift"]["state_shares"] == pytest.approx({"NOMINAL": 3 / 7, "WARN": 3 / 7, "ERROR": 1 / 7})
    assert (camera["drift"]["warn_threshold"], camera["drift"]["error_threshold"]) == (WARN, ERROR)
    assert camera["rate_hz"] == pytest.approx(5.0)
    assert camera["duration_s"] == pytest.approx(1.2)


def test_the_report_shows_timeline_segments_and_the_worst_frames(tmp_path, settings):
    replay(drive(tmp_path / "drive", SCORES), tmp_path / "out", settings)
    page = (tmp_path / "out" / "drive" / "report.html").read_text()
    # The highest score; no other frame of this short drive is two seconds away from it.
    assert page.count("data:image/jpeg;base64,") == 1
    assert "frame 3 · drift 220.00 error · fog 75%" in page
    assert page.count('<circle class="point') == len(SCORES)
    assert page.count('<tr><td class="n">') == 2
    assert "http" not in page.replace("http://www.w3.org", "")


def drive_with_stamps(path, scores, stamps_s):
    """A drive whose frames were recorded one after another but have stamps of these seconds."""
    frames = [
        ("/camera/image_raw", image_message(frame_pixels(n, score), round(stamp_s * 1e9)))
        for n, (score, stamp_s) in enumerate(zip(scores, stamps_s, strict=True))
    ]
    return write_bag(path, frames, received_ns=[stamp_of(n) for n in range(len(frames))])


def test_a_bag_without_stamps_is_replayed_to_its_end(tmp_path, settings):
    replay(drive_with_stamps(tmp_path / "drive", SCORES, [0] * len(SCORES)), tmp_path / "out", settings)
    (camera,) = summary_of(tmp_path / "out" / "drive")["cameras"]
    assert (camera["frames"], camera["duration_s"], camera["rate_hz"]) == (len(SCORES), 0.0, None)
    assert [segment["duration_s"] for segment in camera["drift"]["segments"]] == [0.0, 0.0]
    page = (tmp_path / "out" / "drive" / "report.html").read_text()
    assert page.count('<circle class="point') == len(SCORES)


def test_a_drive_that_was_rewound_is_replayed_to_its_end_and_nothing_in_it_lasts_less_than_no_time(tmp_path, settings):
    stamps_s = [10, 11, 12, 13, 0, 1, 2]
    replay(drive_with_stamps(tmp_path / "drive", [10, 20, 120, 220, 20, 15, 150], stamps_s), tmp_path / "out", settings)
    (camera,) = summary_of(tmp_path / "out" / "drive")["cameras"]
    first, second = camera["drift"]["segments"]
    # The first frame after the segment is an earlier one: it lasts until its own latest frame.
    assert (first["start_ns"], first["end_ns"], first["duration_s"]) == (12 * 10**9, 13 * 10**9, 1.0)
    assert (second["start_ns"], second["end_ns"]) == (2 * 10**9, 2 * 10**9)
    assert (camera["duration_s"], camera["rate_hz"]) == (13.0, 1.0)
    page = (tmp_path / "out" / "drive" / "report.html").read_text()
    assert page.count('<circle class="point') == len(SCORES)
    assert 'width="-' not in page


def test_a_segment_across_a_jump_back_spans_all_of_its_frames(tmp_path, settings):
    bag = drive_with_stamps(tmp_path / "drive", [10, 120, 130, 20], [10, 11, 3, 4])
    replay(bag, tmp_path / "out", settings)
    ((segment,),) = [camera["drift"]["segments"] for camera in summary_of(tmp_path / "out" / "drive")["cameras"]]
    assert (segment["start_ns"], segment["end_ns"], segment["frames"]) == (3 * 10**9, 11 * 10**9, 2)


def test_several_cameras_have_topics_drift_and_rows_of_their_own(tmp_path, settings):
    messages = []
    for index in range(4):
        for place, topic in enumerate(("/front/image_raw", "/rear/image_raw")):
            pixels = frame_pixels(index, 50 * place)
            messages.append((topic, image_message(pixels, stamp_of(index) + place * 1_000_000)))
    summary = replay(write_bag(tmp_path / "drive", messages), tmp_path / "out", settings)
    assert [(camera.name, camera.frames) for camera in summary.cameras] == [("front", 4), ("rear", 4)]
    found = read_outputs(tmp_path / "out" / "drive" / "outputs")
    drift = [m for topic, _, m in found if topic == "/camseg/rear/drift"]
    assert [(message.camera_id, message.score) for message in drift] == [("rear", 50.0)] * 4
    # Counted by a detector that saw this camera alone.
    assert [message.sequential_statistic for message in drift] == [1, 2, 3, 4]
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["camera"] == ["front", "rear"] * 4
    assert (tmp_path / "out" / "drive" / "report.html").read_text().count("<h2>Camera ") == 2


def labels_with_errors(index, wrong_rows):
    """The labels of a frame whose mask is wrong in this many rows."""
    labels = frame_pixels(index)[..., 0].copy()
    labels[:wrong_rows] = (labels[:wrong_rows] + 1) % CLASSES
    return labels


def test_label_topics_are_matched_by_stamp_and_need_not_cover_every_frame(tmp_path, settings):
    messages = [("/camera/image_raw", image_message(frame_pixels(n), stamp_of(n))) for n in range(4)]
    messages += [("/labels", image_message(labels_with_errors(2, 6), stamp_of(2), "mono8"))]
    messages += [("/labels", image_message(labels_with_errors(3, 0), stamp_of(9), "mono8"))]
    bag = write_bag(tmp_path / "drive", messages)
    replay(bag, tmp_path / "out", dataclasses.replace(settings, label_topics=("/labels",)))
    summary = summary_of(tmp_path / "out" / "drive")
    assert summary["segmentation"]["global_accuracy"] == pytest.approx(1 - 6 / HEIGHT)
    assert summary["labels_without_frame"] == 1
    assert summary["cameras"][0]["labelled_frames"] == 1
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["pixel_accuracy"] == [None, None, pytest.approx(1 - 6 / HEIGHT), None]
    # By drift all frames are alike and the first is shown; by mean IoU it is the labelled one, with its truth.
    assert (tmp_path / "out" / "drive" / "report.html").read_text().count("true labels of frame 2") == 1


def write_labels(folder, names, wrong):
    """A label image for each frame of a drive by these names; of one frame half the rows are wrong."""
    folder.mkdir()
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), labels_with_errors(index, 12 * (index == wrong)))


@pytest.mark.parametrize("name", [lambda n: f"{stamp_of(n)}.png", "drive_{}.png".format], ids=["by stamp", "by order"])
def test_a_label_folder_is_matched_by_stamp_or_by_order(tmp_path, settings, name):
    bag = drive(tmp_path / "drive", [0] * 3)
    write_labels(tmp_path / "labels", map(name, range(3)), wrong=1)
    replay(bag, tmp_path / "out", dataclasses.replace(settings, labels=tmp_path / "labels"))
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["pixel_accuracy"] == pytest.approx([1.0, 0.5, 1.0])
    assert summary_of(tmp_path / "out" / "drive")["segmentation"]["global_accuracy"] == pytest.approx(5 / 6)


@pytest.mark.parametrize("stamps_s", [[0, 0, 0], [10, 11, 11]], ids=["all stamps 0", "one stamp twice"])
def test_a_label_folder_in_order_goes_by_the_place_of_the_frames_and_not_by_their_stamps(tmp_path, settings, stamps_s):
    bag = drive_with_stamps(tmp_path / "drive", [0] * 3, stamps_s)
    write_labels(tmp_path / "labels", map("{:04}.png".format, range(3)), wrong=2)
    replay(bag, tmp_path / "out", dataclasses.replace(settings, labels=tmp_path / "labels"))
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["pixel_accuracy"] == pytest.approx([1.0, 1.0, 0.5])
    # By mean IoU the last is the worst, and shown with its own truth.
    assert "true labels of frame 2" in (tmp_path / "out" / "drive" / "report.html").read_text()


@pytest.mark.parametrize("wrong", [f"{stamp_of(9)}.png", "mine.png"])
def test_a_label_named_otherwise_than_by_a_frames_stamp_has_no_frame_where_another_is_so_named(
    tmp_path, settings, wrong
):
    bag = drive(tmp_path / "drive", [0] * 3)
    write_labels(tmp_path / "labels", (wrong, f"{stamp_of(1)}.png", f"{stamp_of(2)}.png"), wrong=2)
    summary = replay(bag, tmp_path / "out", dataclasses.replace(settings, labels=tmp_path / "labels"))
    assert summary.labels_without_frame == 1
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["pixel_accuracy"] == [None, pytest.approx(1.0), pytest.approx(0.5)]


@pytest.mark.parametrize("by_topic", [True, False], ids=["on a topic", "named by stamp"])
def test_labels_with_a_stamp_that_several_frames_of_the_camera_have_are_an_error(tmp_path, settings, by_topic):
    frames = [("/camera/image_raw", image_message(frame_pixels(n), stamp_of(min(n, 1)))) for n in range(3)]
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "labels" / f"{stamp_of(1)}.png"), labels_with_errors(1, 0))
    if by_topic:
        frames.append(("/labels", image_message(labels_with_errors(1, 0), stamp_of(1), "mono8")))
        settings = dataclasses.replace(settings, label_topics=("/labels",))
    else:
        settings = dataclasses.replace(settings, labels=tmp_path / "labels")
    bag = write_bag(tmp_path / "drive", frames, received_ns=[stamp_of(n) for n in range(len(frames))])
    with pytest.raises(DatasetError, match=rf"{stamp_of(1)}.* frames 1 and 2 of camera 'camera' both have this stamp"):
        replay(bag, tmp_path / "out", settings)
    assert not (tmp_path / "out" / "drive").exists()


def replay_through_a_node_that_drops(number, bag, out, settings):
    """What a live replay leaves of a node that does not answer one frame."""

    def infer(images, cameras, journal):
        with Journal(out.with_name("whole.sqlite3"), {}) as whole:
            infer_images(FakeEngine(), images, cameras, whole)
            for entry in whole.entries():
                if entry.number != number:
                    journal.append(entry)
        return LiveCounts(len(images), len(images), len(images) - 1, 1, 0)

    return Replay(bag, out, settings).run(infer, CAMVID, "cpu", live=True)


@pytest.mark.parametrize("name", [lambda n: f"{stamp_of(n)}.png", "drive_{}.png".format], ids=["by stamp", "by order"])
def test_a_frame_that_a_node_dropped_costs_its_own_label_and_no_other(tmp_path, settings, name):
    bag = drive(tmp_path / "drive", [0] * 4)
    write_labels(tmp_path / "labels", map(name, range(4)), wrong=3)
    settings = dataclasses.replace(settings, labels=tmp_path / "labels")
    summary = replay_through_a_node_that_drops(1, bag, tmp_path / "out", settings)
    assert (summary.frames, summary.labels_without_frame, summary.cameras[0].labelled_frames) == (3, 1, 3)
    table = parquet.read_table(tmp_path / "out" / "drive" / "frames.parquet").to_pydict()
    assert table["pixel_accuracy"] == pytest.approx([1.0, 1.0, 0.5])


def test_a_node_that_dropped_every_labelled_frame_leaves_results_without_a_score(tmp_path, settings):
    bag = drive(tmp_path / "drive", [0] * 3)
    (tmp_path / "labels").mkdir()
    cv2.imwrite(str(tmp_path / "labels" / f"{stamp_of(1)}.png"), labels_with_errors(1, 0))
    settings = dataclasses.replace(settings, labels=tmp_path / "labels")
    summary = replay_through_a_node_that_drops(1, bag, tmp_path / "out", settings)
    assert (summary.segmentation, summary.labels_without_frame) == (None, 1)


def test_labels_that_fit_no_frame_are_an_error_and_leave_no_results(tmp_path, settings):
    messages = [("/camera/image_raw", image_message(frame_pixels(0), stamp_of(0)))]
    messages += [("/labels", image_message(labels_with_errors(0, 0), stamp_of(1), "mono8"))]
    bag = write_bag(tmp_path / "drive", messages)
    with pytest.raises(DatasetError, match="is that of no frame of camera 'camera'"):
        replay(bag, tmp_path / "out", dataclasses.replace(settings, label_topics=("/labels",)))
    assert not (tmp_path / "out" / "drive").exists()


def test_labels_of_another_size_are_an_error(tmp_path, settings):
    messages = [("/camera/image_raw", image_message(frame_pixels(0), stamp_of(0)))]
    messages += [("/labels", image_message(labels_with_errors(0, 0)[:-1], stamp_of(0), "mono8"))]
    bag = write_bag(tmp_path / "drive", messages)
    with pytest.raises(DatasetError, match=r"labels are \(23, 32\).*expected \(24, 32\)"):
        replay(bag, tmp_path / "out", dataclasses.replace(settings, label_topics=("/labels",)))


def test_further_outputs_are_written_where_they_are_asked_for(tmp_path, settings):
    bag = with_calibration(drive(tmp_path / "plain", SCORES), tmp_path / "drive")
    replay(bag, tmp_path / "out", dataclasses.replace(settings, outputs=tuple(OUTPUT_TYPES)), with_confidence=True)
    found = {}
    for topic, time_ns, message in read_outputs(tmp_path / "out" / "drive" / "outputs"):
        found.setdefault(topic.removeprefix("/camseg/"), []).append((time_ns, message))
    assert found.keys() == OUTPUT_TYPES.keys()
    ((told_ns, classes),) = found.pop("label_info")
    assert told_ns == stamp_of(0) + 3_000_000
    assert tuple(entry.class_name for entry in classes.class_map) == CAMVID.names
    for index, score in enumerate(SCORES):
        messages = {name: those[index][1] for name, those in found.items()}
        for name in ("overlay", "confidence", "drift/heatmap", "camera_info"):
            stamp = messages[name].header.stamp
            assert (stamp.sec * 10**9 + stamp.nanosec, messages[name].header.frame_id) == (
                stamp_of(index),
                "front_optical",
            )
        pixels = frame_pixels(index, score)
        assert messages["confidence"].encoding == "mono8"
        assert set(messages["confidence"].data) == {90}  # the blue channel
        drift = drift_result(messages["drift"])
        drawn = annotated_overlay(pixels, pixels[..., 0], CAMVID, drift, 0.5)
        np.testing.assert_array_equal(messages["overlay"].data.reshape(HEIGHT, WIDTH, 3), drawn)
        heatmap = draw_region_scores(pixels, drift)
        np.testing.assert_array_equal(messages["drift/heatmap"].data.reshape(HEIGHT, WIDTH, 3), heatmap)
        assert messages["camera_info"].k[0] == (100.0 if index < 2 else 200.0)


def test_a_calibration_of_another_size_is_refused_with_the_cameras_name(tmp_path, settings):
    bag = with_calibration(drive(tmp_path / "plain", SCORES), tmp_path / "drive", height=2 * HEIGHT)
    with pytest.raises(DatasetError, match=r"camera 'camera': camera info is of images of 48x32.*leave the output"):
        replay(bag, tmp_path / "out", dataclasses.replace(settings, outputs=("mask", "camera_info")))


def test_a_damaged_calibration_is_named_and_only_where_calibrations_are_asked_for(tmp_path, settings):
    bag = with_calibration(drive(tmp_path / "plain", SCORES), tmp_path / "drive", length_bytes=40)
    with pytest.raises(DatasetError, match=r"drive cannot be read \(message 1 on /camera/camera_info, for camera_info"):
        replay(bag, tmp_path / "out", dataclasses.replace(settings, outputs=("mask", "camera_info")))
    assert replay(bag, tmp_path / "other", settings).frames == len(SCORES)


def test_an_unknown_output_is_named(settings):
    with pytest.raises(ConfigurationError, match="output 'depth' is unknown; expected some of mask, mask_color"):
        dataclasses.replace(settings, outputs=("mask", "depth"))


def test_two_replays_of_the_same_bag_are_equal_byte_for_byte(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    for out in ("one", "two"):
        replay(bag, tmp_path / out, settings)
    assert contents(tmp_path / "one" / "drive") == contents(tmp_path / "two" / "drive")
    assert "frames.parquet" in contents(tmp_path / "one" / "drive")


def test_finished_results_are_kept_and_those_of_other_settings_are_not_mixed_with(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    replay(bag, tmp_path / "out", settings)
    engine = FakeEngine()
    assert replay(bag, tmp_path / "out", settings, engine) is None
    assert engine.inferred == 0
    other = dataclasses.replace(settings, engine=dataclasses.replace(settings.engine, steps=7))
    with pytest.raises(CamsegError, match="results of a replay with steps 1, now 7; expected the same, or --overwrite"):
        replay(bag, tmp_path / "out", other, engine)
    Replay(bag, tmp_path / "out", other).discard()
    assert replay(bag, tmp_path / "out", other, engine).frames == len(SCORES)


def test_a_folder_that_is_no_replays_is_left_alone(tmp_path, settings):
    (tmp_path / "out" / "drive").mkdir(parents=True)
    (tmp_path / "out" / "drive" / "mine.txt").write_text("mine")
    bag = drive(tmp_path / "drive", SCORES)
    with pytest.raises(CamsegError, match="exists and is no replay's") as caught:
        replay(bag, tmp_path / "out", settings)
    assert "--overwrite" not in str(caught.value)
    assert "expected another folder for --out" in str(caught.value)
    with pytest.raises(CamsegError, match="exists and is no replay's"):
        Replay(bag, tmp_path / "out", settings).discard()
    assert (tmp_path / "out" / "drive" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("folder", ["drive", "drive.unfinished"])
def test_what_no_replay_left_is_not_removed_with_what_one_left(tmp_path, settings, folder):
    bag = drive(tmp_path / "drive", SCORES)
    replay(bag, tmp_path / "out", settings)
    mine = tmp_path / "out" / folder / "mine.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    before = contents(tmp_path / "out")
    with pytest.raises(CamsegError, match=rf"out/{folder} holds 'mine\.txt', which no replay left"):
        Replay(bag, tmp_path / "out", settings).discard()
    if folder == "drive.unfinished":
        with pytest.raises(CamsegError, match=r"holds 'mine\.txt'"):
            replay(bag, tmp_path / "out", settings)
    assert contents(tmp_path / "out") == before


def test_storage_and_labels_are_checked_first(settings):
    with pytest.raises(ConfigurationError, match="storage 'rosbag1' is unknown; expected one of sqlite3, mcap"):
        dataclasses.replace(settings, storage="rosbag1")
    with pytest.raises(ConfigurationError, match="expected one of them"):
        dataclasses.replace(settings, labels=Path("labels"), label_topics=("/labels",))
