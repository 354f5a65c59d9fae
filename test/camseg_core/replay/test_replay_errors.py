"""What can be wrong with a bag or an option: one line that names it, before anything is written."""

import sys

import numpy as np
import pytest
from replay_bags import TYPES, drive, frame_pixels, image_message, stamp_of, write_bag
from rosbags.rosbag2 import Writer

from camseg_core.cli.main import main
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.replay.cameras import Camera, find_cameras
from camseg_core.replay.drift_message import DRIFT_TYPE
from camseg_core.replay.messages import MessageFactory
from camseg_core.replay.replay import Replay


def camera(index=0, topic="/camera/image_raw", encoding="rgb8"):
    return topic, image_message(frame_pixels(index), stamp_of(index), encoding)


def labels(topic="/camera/labels"):
    return topic, image_message(frame_pixels(0)[..., 0], stamp_of(0), "mono8")


def test_cameras_are_found_by_type_and_named_by_their_namespace(tmp_path):
    bag = write_bag(tmp_path / "drive", [camera(topic=f"/{name}/image_raw") for name in ("left", "front")])
    assert find_cameras(bag) == (Camera("front", "/front/image_raw"), Camera("left", "/left/image_raw"))
    assert find_cameras(bag, ["/left/image_raw"]) == (Camera("left", "/left/image_raw"),)


def test_what_a_segmentation_node_published_into_the_bag_is_no_camera(tmp_path):
    make = MessageFactory()
    with Writer(tmp_path / "drive", version=9) as writer:
        for topic, message in (camera(), labels("/seg/front/mask"), camera(topic="/seg/front/overlay")):
            connection = writer.add_connection(topic, "sensor_msgs/msg/Image", typestore=TYPES)
            writer.write(connection, 0, TYPES.serialize_cdr(message, "sensor_msgs/msg/Image"))
        writer.add_connection("/seg/front/drift", DRIFT_TYPE, typestore=make.types)
    assert [found.topic for found in find_cameras(tmp_path / "drive")] == ["/camera/image_raw"]


def test_outputs_of_a_node_whose_drift_was_not_recorded_are_known_by_their_names(tmp_path):
    topics = ["/camseg/overlay", "/vehicle/camseg/front/drift/heatmap", "/camseg/mask_color/compressed"]
    bag = write_bag(tmp_path / "drive", [camera(topic="/camseg/front/image_raw"), *(camera(topic=t) for t in topics)])
    assert [found.topic for found in find_cameras(bag)] == ["/camseg/front/image_raw"]


def test_a_label_topic_that_nobody_named_is_not_taken_for_a_camera(tmp_path):
    bag = write_bag(tmp_path / "drive", [camera(), labels()])
    with pytest.raises(DatasetError, match=r"on /camera/labels: mono8 image of class ids alone.*--label-topic"):
        find_cameras(bag)
    assert find_cameras(bag, (), ["/camera/labels"]) == (Camera("camera", "/camera/image_raw", "/camera/labels"),)


def test_a_dark_or_grey_mono_camera_is_a_camera(tmp_path):
    black = image_message(np.zeros((24, 32), np.uint8), stamp_of(0), "mono8")
    grey = image_message(np.arange(24 * 32, dtype=np.uint8).reshape(24, 32), stamp_of(0), "mono8")
    bag = write_bag(tmp_path / "drive", [("/left/image_raw", black), ("/right/image_raw", grey)])
    assert len(find_cameras(bag)) == 2


def test_with_several_cameras_a_label_topic_says_whose_it_is(tmp_path):
    messages = [camera(topic="/left/image_raw"), camera(topic="/right/image_raw"), labels("/labels")]
    bag = write_bag(tmp_path / "drive", messages)
    with pytest.raises(ConfigurationError, match=r"names no camera, and bag .* has 2: /left"):
        find_cameras(bag, (), ["/labels"])
    with pytest.raises(ConfigurationError, match="is given for '/rear/image_raw'; expected one of /left/image_raw"):
        find_cameras(bag, (), ["/rear/image_raw=/labels"])
    left, right = find_cameras(bag, (), ["/right/image_raw=/labels"])
    assert (left.label_topic, right.label_topic) == (None, "/labels")


@pytest.mark.parametrize(
    "options",
    [
        ["/labels", "/more"],
        ["/left/image_raw=/labels", "/left/image_raw=/more"],
        ["/labels", "/left/image_raw=/more"],
        ["/left/image_raw=/labels", "/right/image_raw=/labels"],
    ],
)
def test_no_label_topic_is_passed_over_for_another(tmp_path, options):
    cameras = [camera(topic="/left/image_raw"), camera(topic="/right/image_raw")]
    bag = write_bag(tmp_path / "drive", [*cameras, labels("/labels"), labels("/more")])
    chosen = ["/left/image_raw", "/right/image_raw"] if "/right" in options[-1] else ["/left/image_raw"]
    with pytest.raises(ConfigurationError, match=f"label topics {', '.join(options)} are given; expected one of its"):
        find_cameras(bag, chosen, options)


def test_two_topics_of_one_camera_are_an_error(tmp_path):
    bag = write_bag(tmp_path / "drive", [camera(), camera(topic="/camera/image_rect")])
    with pytest.raises(ConfigurationError, match=r"/camera/image_raw and .*_rect .* same camera, 'camera'"):
        find_cameras(bag)


def test_two_cameras_that_a_node_would_call_the_same_are_an_error(tmp_path):
    bag = write_bag(tmp_path / "drive", [camera(topic="/a/b/image_raw"), camera(topic="/a_b/image_raw")])
    with pytest.raises(ConfigurationError, match=r"/a/b/image_raw and /a_b/image_raw .* same camera, 'a_b'"):
        find_cameras(bag)
    assert [found.name for found in find_cameras(bag, ["/a/b/image_raw"])] == ["a/b"]


@pytest.fixture
def error_of(monkeypatch, capsys, tmp_path):
    """Runs ``camseg replay``; returns the one line it ends with. No model is loaded: the errors come before that."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["camseg", "replay", *map(str, arguments), "--out", str(tmp_path / "out")])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        assert not (tmp_path / "out").exists()
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    return run


def test_a_bag_without_images_lists_what_it_has(tmp_path, error_of):
    with Writer(tmp_path / "drive", version=9) as writer:
        connection = writer.add_connection("/speed", "std_msgs/msg/Float32", typestore=TYPES)
        message = TYPES.types["std_msgs/msg/Float32"](data=1.0)
        writer.write(connection, 0, TYPES.serialize_cdr(message, "std_msgs/msg/Float32"))
    line = error_of(tmp_path / "drive")
    assert line.startswith(f"error: bag {tmp_path}/drive has no images")
    assert "it has /speed (std_msgs/msg/Float32, 1 messages)" in line


def test_an_unknown_encoding_is_named_with_its_topic_and_how_to_choose_another(tmp_path, error_of):
    bag = write_bag(tmp_path / "drive", [camera(), camera(topic="/depth/image_raw", encoding="32FC1")])
    line = error_of(bag)
    assert "on /depth/image_raw: " in line
    assert "'32FC1' is not supported; expected one of rgb8" in line
    assert line.endswith("If this is no camera to segment, choose with --camera-topic")
    assert "--camera-topic" not in error_of(bag, "--camera-topic", "/depth/image_raw")


def test_a_topic_that_is_not_there_is_named_with_those_that_are(tmp_path, error_of):
    line = error_of(drive(tmp_path / "drive", [1]), "--camera-topic", "/front/image_raw")
    assert "no images on topic '/front/image_raw'; topics with images: /camera/image_raw" in line


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_truncated_bag_is_one_error(tmp_path, error_of, storage):
    bag = drive(tmp_path / "drive", [1] * 40, storage=storage)
    (file,) = (path for path in bag.iterdir() if path.suffix != ".yaml")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    assert "drive cannot be read" in error_of(bag)


def test_a_missing_bag_is_named(tmp_path, error_of):
    assert error_of(tmp_path / "nowhere.mcap") == f"error: bag {tmp_path}/nowhere.mcap does not exist"


@pytest.mark.parametrize(
    ("bag", "named"),
    [
        ("drive", "drive"),
        ("drive/drive.mcap", "drive"),
        ("drive/deeper/drive", "drive"),
        ("drive.unfinished/drive", "drive.unfinished"),
    ],
)
def test_results_never_go_where_the_bag_itself_lies(tmp_path, settings, bag, named):
    folder = tmp_path / bag if not bag.endswith(".mcap") else (tmp_path / bag).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    drive(folder, [1])
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for out in (tmp_path, tmp_path / "link", tmp_path / "link" / ".." / tmp_path.name):
        with pytest.raises(ConfigurationError) as caught:
            Replay(tmp_path / bag, out, settings)
        assert str(caught.value) == (
            f"bag {tmp_path / bag} lies in {out / named}, where its results would go; expected another folder for --out"
        )


def test_results_never_go_into_the_folder_of_the_bag_which_would_be_another_then(tmp_path, settings):
    bag = drive(tmp_path / "drive", [1])
    (tmp_path / "link").symlink_to(bag, target_is_directory=True)
    for out in (bag, bag / "results", tmp_path / "link"):
        with pytest.raises(ConfigurationError) as caught:
            Replay(bag, out, settings)
        assert str(caught.value) == (
            f"results would go to {out / 'drive'}, in the folder of bag {bag}, which they would change; expected "
            "another folder for --out"
        )


def test_a_bag_survives_an_overwrite_into_the_folder_it_is_in(tmp_path, monkeypatch, capsys):
    bag = drive(tmp_path / "drive", [1])
    before = {path: path.read_bytes() for path in bag.iterdir()}
    monkeypatch.setattr(sys, "argv", ["camseg", "replay", str(bag), "--out", str(tmp_path), "--overwrite"])
    with pytest.raises(SystemExit):
        main()
    assert "where its results would go" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in bag.iterdir()} == before


def test_two_bags_of_the_same_name_are_an_error(tmp_path, error_of):
    bags = [drive(tmp_path / place / "drive", [1]) for place in ("monday", "tuesday")]
    assert "2 bags are called 'drive'; expected another --out for each" in error_of(*bags)
