"""A rosbag2 as a stream of frames: both storages, several encodings, several topics, and every way it can be wrong."""

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from camseg_core.data.sources.bag import BagSource
from camseg_core.data.sources.bag_images import image_topics
from camseg_core.errors import DatasetError

TYPES = get_typestore(Stores.ROS2_JAZZY)
RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
SUFFIXES = {StoragePlugin.MCAP: "mcap", StoragePlugin.SQLITE3: "db3"}


def image_message(pixels, encoding="rgb8", stamp_ns=0, padding=0):
    rows = pixels.reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    stamp = TYPES.types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    header = TYPES.types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
    return TYPES.types["sensor_msgs/msg/Image"](
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=rows.shape[1],
        data=np.ascontiguousarray(rows).reshape(-1),
    )


def write_bag(path, topics, storage=StoragePlugin.MCAP):
    """A bag with the messages of each topic, recorded in turn."""
    with Writer(path, version=9, storage_plugin=storage) as writer:
        for topic, messages in topics.items():
            connection = writer.add_connection(topic, "sensor_msgs/msg/Image", typestore=TYPES)
            for number, message in enumerate(messages):
                writer.write(connection, number, TYPES.serialize_cdr(message, "sensor_msgs/msg/Image"))
    return path


@pytest.mark.parametrize("storage", SUFFIXES)
@pytest.mark.parametrize("inner_file", [False, True], ids=["folder", "file"])
def test_frames_and_camera_stamps_are_read_from_either_storage(tmp_path, storage, inner_file):
    messages = [image_message(RGB + n, stamp_ns=1_700_000_000_000_000_001 + n * 200_000_000) for n in range(3)]
    bag = write_bag(tmp_path / "drive", {"/camera": messages}, storage)
    if inner_file:
        (bag,) = bag.glob(f"*.{SUFFIXES[storage]}")
    source = BagSource(bag)
    assert (len(source), source.topic) == (3, "/camera")
    frames = list(source)
    assert [frame.stamp_ns - frames[0].stamp_ns for frame in frames] == [0, 200_000_000, 400_000_000]
    assert frames[0].stamp_ns == 1_700_000_000_000_000_001
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.image, RGB + number)
        assert frame.labels is None
        assert frame.weather is None


def test_iterating_again_starts_again(tmp_path):
    source = BagSource(write_bag(tmp_path / "drive", {"/camera": [image_message(RGB), image_message(RGB + 1)]}))
    next(iter(source))
    assert [int(frame.image[0, 0, 0]) for frame in source] == [0, 1]


@pytest.mark.parametrize(
    ("encoding", "pixels", "expected"),
    [
        ("bgr8", RGB[..., ::-1], RGB),
        ("rgba8", np.dstack([RGB, np.full(RGB.shape[:2], 7, np.uint8)]), RGB),
        ("mono8", RGB[..., 0], np.repeat(RGB[..., :1], 3, axis=2)),
    ],
)
def test_every_encoding_becomes_rgb(tmp_path, encoding, pixels, expected):
    bag = write_bag(tmp_path / "drive", {"/camera": [image_message(pixels, encoding)]})
    np.testing.assert_array_equal(next(iter(BagSource(bag))).image, expected)


def test_row_padding_is_left_out(tmp_path):
    bag = write_bag(tmp_path / "drive", {"/camera": [image_message(RGB, padding=5)]})
    np.testing.assert_array_equal(next(iter(BagSource(bag))).image, RGB)


def test_of_several_cameras_the_topic_chooses_one(tmp_path):
    bag = write_bag(tmp_path / "drive", {"/left": [image_message(RGB)], "/right": [image_message(RGB + 1)] * 2})
    with pytest.raises(DatasetError, match="has 2 image topics, /left, /right; expected --topic"):
        BagSource(bag)
    with pytest.raises(DatasetError, match="no images on topic '/front'; topics with images: /left, /right"):
        BagSource(bag, "/front")
    assert [int(frame.image[0, 0, 0]) for frame in BagSource(bag, "/right")] == [1, 1]


def test_a_bag_without_cameras_lists_what_it_has(tmp_path):
    with Writer(tmp_path / "drive", version=9) as writer:
        connection = writer.add_connection("/speed", "std_msgs/msg/Float32", typestore=TYPES)
        message = TYPES.types["std_msgs/msg/Float32"](data=1.0)
        writer.write(connection, 0, TYPES.serialize_cdr(message, "std_msgs/msg/Float32"))
    with pytest.raises(DatasetError, match=r"no topic of type sensor_msgs/msg/Image or .*; it has /speed \(std_msgs"):
        BagSource(tmp_path / "drive")


@pytest.mark.parametrize("storage", SUFFIXES)
def test_a_bag_without_images_is_an_error(tmp_path, storage):
    with pytest.raises(DatasetError, match="has no images: no topic of type"):
        BagSource(write_bag(tmp_path / "drive", {"/camera": []}, storage))


def test_a_missing_bag_is_an_error_naming_it(tmp_path):
    with pytest.raises(DatasetError, match=r"drive\.mcap does not exist"):
        BagSource(tmp_path / "drive.mcap")


@pytest.mark.parametrize("content", [b"", b"no bag at all", b"\x89MCAP0\r\n"])
@pytest.mark.parametrize("name", ["drive.mcap", "drive.db3", "drive.txt"])
def test_a_file_that_is_no_bag_is_an_error_naming_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=name):
        BagSource(tmp_path / name)


@pytest.mark.parametrize("storage", SUFFIXES)
def test_a_bag_cut_short_is_one_error_and_never_another(tmp_path, storage):
    bag = write_bag(tmp_path / "drive", {"/camera": [image_message(RGB)] * 40}, storage)
    (file,) = bag.glob(f"*.{SUFFIXES[storage]}")
    whole = file.read_bytes()
    for share in (0.05, 0.3, 0.6, 0.9):
        file.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DatasetError, match="drive"):
            list(BagSource(bag))


def test_a_message_in_an_unknown_encoding_is_an_error_naming_bag_topic_and_message(tmp_path):
    bag = write_bag(tmp_path / "drive", {"/camera": [image_message(RGB), image_message(RGB, "nv21")]})
    stream = iter(BagSource(bag))
    next(stream)
    with pytest.raises(DatasetError, match=r"drive, message 1 on /camera: .*'nv21'"):
        next(stream)


def compressed_message(pixels):
    png = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    header = image_message(pixels).header
    return TYPES.types["sensor_msgs/msg/CompressedImage"](header=header, format="rgb8; png compressed bgr8", data=png)


def test_compressed_images_are_read_and_left_out_where_the_raw_ones_are_there_too(tmp_path):
    kind = "sensor_msgs/msg/CompressedImage"
    with Writer(tmp_path / "drive", version=9) as writer:
        for topic in ("/left/image_raw/compressed", "/right/image_raw/compressed"):
            connection = writer.add_connection(topic, kind, typestore=TYPES)
            writer.write(connection, 0, TYPES.serialize_cdr(compressed_message(RGB), kind))
        connection = writer.add_connection("/right/image_raw", "sensor_msgs/msg/Image", typestore=TYPES)
        writer.write(connection, 1, TYPES.serialize_cdr(image_message(RGB + 1), "sensor_msgs/msg/Image"))
    assert image_topics(tmp_path / "drive") == ["/left/image_raw/compressed", "/right/image_raw"]
    source = BagSource(tmp_path / "drive", "/left/image_raw/compressed")
    np.testing.assert_array_equal(next(iter(source)).image, RGB)
