"""A folder of frames as a stream: order, stamps, the rule for label ids, and every way it can be wrong."""

import cv2
import numpy as np
import pytest

from camseg_core.data.sources.image_folder import ImageFolder
from camseg_core.errors import DatasetError
from camseg_core.labels import CAMVID

HEIGHT, WIDTH = 6, 10


def write_image(path, rgb):
    cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), rgb[::-1], dtype=np.uint8))


def write_labels(path, value, size=(HEIGHT, WIDTH)):
    cv2.imwrite(str(path), np.full(size, value, dtype=np.uint8))


@pytest.fixture
def folders(tmp_path):
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number, name in enumerate(["c", "a", "b"]):
        write_image(images / f"{name}.png", (10 * number, 200, 30))
        write_labels(labels / f"{name}.png", number)
    return images, labels


def frames_of(images, labels=None, rate_hz=5.0):
    return list(ImageFolder(images, labels, rate_hz, CAMVID))


def test_frames_come_in_the_order_of_their_names_as_rgb(folders):
    images, _ = folders
    frames = frames_of(images)
    assert [frame.image[0, 0].tolist() for frame in frames] == [[10, 200, 30], [20, 200, 30], [0, 200, 30]]
    assert all(frame.labels is None and frame.weather is None for frame in frames)


def test_length_is_known_and_iterating_again_starts_again(folders):
    source = ImageFolder(*folders, 5.0, CAMVID)
    assert len(source) == 3
    first, second = list(source), list(source)
    assert [frame.stamp_ns for frame in first] == [frame.stamp_ns for frame in second]


def test_stamps_are_spaced_by_the_rate_without_rounding_adding_up(folders):
    images, _ = folders
    assert [frame.stamp_ns for frame in frames_of(images, rate_hz=3.0)] == [0, 333333333, 666666667]


def test_labels_of_a_jpeg_are_a_png_of_the_same_stem(folders):
    images, labels = folders
    (images / "a.png").unlink()
    write_image(images / "a.jpg", (0, 0, 0))
    assert [int(frame.labels[0, 0]) for frame in frames_of(images, labels)] == [1, 2, 0]


@pytest.mark.parametrize(("stored", "meant"), [(0, 0), (10, 10), (11, 255), (255, 255)])
def test_label_ids_are_classes_and_the_next_id_and_255_are_void(folders, stored, meant):
    images, labels = folders
    write_labels(labels / "a.png", stored)
    assert np.unique(frames_of(images, labels)[0].labels).tolist() == [meant]


@pytest.mark.parametrize("stored", [12, 254])
def test_an_id_that_is_neither_class_nor_void_is_an_error_with_file_and_id(folders, stored):
    images, labels = folders
    write_labels(labels / "b.png", stored)
    with pytest.raises(DatasetError, match=rf"b\.png: holds class id {stored}; expected 0 to 10 \(camvid\)"):
        frames_of(images, labels)


def test_a_label_of_another_size_is_an_error_naming_both_sizes(folders):
    images, labels = folders
    write_labels(labels / "b.png", 0, size=(WIDTH, HEIGHT))
    with pytest.raises(DatasetError, match=r"b\.png: is 6×10 pixels; expected 10×6"):
        frames_of(images, labels)


def test_a_coloured_label_image_is_an_error(folders):
    images, labels = folders
    write_image(labels / "a.png", (128, 64, 128))
    with pytest.raises(DatasetError, match=r"a\.png: is \(6, 10, 3\) uint8; expected one channel"):
        frames_of(images, labels)


def test_a_missing_label_is_found_before_the_first_frame(folders):
    images, labels = folders
    (labels / "c.png").unlink()
    with pytest.raises(DatasetError, match=r"images/c\.png: has no labels \(1 of 3 .* expected .*labels/c\.png"):
        ImageFolder(images, labels, 5.0, CAMVID)


def test_a_missing_or_empty_folder_is_an_error_naming_it(tmp_path, folders):
    images, _ = folders
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no frame")
    with pytest.raises(DatasetError, match="nowhere: no such folder"):
        ImageFolder(tmp_path / "nowhere", None, 5.0, CAMVID)
    with pytest.raises(DatasetError, match="nowhere: no such folder"):
        ImageFolder(images, tmp_path / "nowhere", 5.0, CAMVID)
    with pytest.raises(DatasetError, match="empty: holds no image"):
        ImageFolder(empty, None, 5.0, CAMVID)


@pytest.mark.parametrize("keep_bytes", [0, 40])
def test_a_frame_cut_short_is_an_error_naming_it_after_the_frames_before_it(folders, keep_bytes):
    images, _ = folders
    path = images / "b.png"
    path.write_bytes(path.read_bytes()[:keep_bytes])
    stream = iter(ImageFolder(images, None, 5.0, CAMVID))
    next(stream)
    with pytest.raises(DatasetError, match=r"b\.png: cannot be decoded"):
        next(stream)
