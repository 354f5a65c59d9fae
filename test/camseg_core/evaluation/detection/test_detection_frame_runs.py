"""Where frames come from: folders, folders of folders, lists; each error names the path."""

import math

import cv2
import numpy as np
import pytest

from camseg_core.errors import DatasetError
from camseg_core.evaluation.detection.frame_runs import open_runs


def write(path, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((48, 64, 3), value, np.uint8))


def values(runs):
    return [[int(frame.image[0, 0, 0]) for frame in run] for run in runs]


def test_a_folder_is_one_run_in_the_order_of_names(tmp_path):
    for name, value in (("b.png", 2), ("a.png", 1), ("c.jpg", 90)):
        write(tmp_path / name, value)
    (run,) = open_runs(tmp_path)
    assert (values([run]), len(run)) == ([[1, 2, 90]], 3)
    assert [frame.name for frame in run] == [str(tmp_path / name) for name in ("a.png", "b.png", "c.jpg")]
    assert all(math.isnan(frame.visibility_m) and frame.stamp_ns is None for frame in run)


def test_folders_of_images_are_a_run_each(tmp_path):
    for name, value in (("day2/a.png", 3), ("day1/b.png", 2), ("day1/a.png", 1)):
        write(tmp_path / name, value)
    assert values(open_runs(tmp_path)) == [[1, 2], [3]]


def test_a_rendered_drive_is_its_images_without_labels_and_depth(tmp_path):
    for folder, value in (("images", 7), ("labels", 8), ("depth", 9)):
        write(tmp_path / folder / "000000.png", value)
    assert values(open_runs(tmp_path)) == [[7]]


def test_a_text_list_is_relative_to_itself_and_splits_at_folders(tmp_path):
    for name, value in (("day1/a.png", 1), ("day1/b.png", 2), ("day2/a.png", 3)):
        write(tmp_path / name, value)
    (tmp_path / "list.txt").write_text("day1/b.png\n\nday1/a.png\n" + str(tmp_path / "day2/a.png") + "\n")
    assert values(open_runs(tmp_path / "list.txt")) == [[2, 1], [3]]


def test_a_csv_list_brings_measured_visibility(tmp_path):
    write(tmp_path / "a.png", 1)
    write(tmp_path / "b.png", 2)
    (tmp_path / "list.csv").write_text("file,visibility_m\na.png,450\nb.png,\nb.png,nan\nb.png\n")
    (run,) = open_runs(tmp_path / "list.csv")
    first, *unmeasured = run
    assert first.visibility_m == 450.0
    assert [math.isnan(frame.visibility_m) for frame in unmeasured] == [True] * 3


def test_chosen_frames_are_read_alone(tmp_path):
    for index in range(5):
        write(tmp_path / f"{index}.png", index)
    (tmp_path / "3.png").write_bytes(b"")
    (run,) = open_runs(tmp_path)
    assert values([run.select([0, 4])]) == [[0, 4]]


def test_a_corrupt_image_is_named_when_it_is_reached(tmp_path):
    write(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG but not really")
    (run,) = open_runs(tmp_path)
    with pytest.raises(DatasetError, match=r"b\.png: cannot be decoded"):
        list(run)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent", None, "does not exist"),
        ("list.txt", "\n", "lists no image"),
        ("list.txt", "gone.png\n", r"gone\.png, which does not exist"),
        ("list.csv", "path\na.png\n", r"columns are \['path'\]; expected `file`"),
        ("list.csv", "file,visibility_m\na.png,far\n", "line 2: visibility_m is 'far'"),
        ("list.csv", "file,visibility_m\na.png,450\na.png,0\n", "line 3: visibility_m is '0'; expected metres above"),
        ("list.csv", "file,visibility_m\na.png,450\n\na.png,-2\n", r"list\.csv, line 4: visibility_m is '-2'"),
        ("list.csv", "visibility_m,file\n450\n", r"list\.csv, line 2: file is None; expected the path of an image"),
        ("list.csv", "file,visibility_m\na.png,450\n,450\n", "line 3: file is ''; expected the path of an image"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, message):
    write(tmp_path / "a.png")
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        open_runs(tmp_path / name)


def test_an_empty_folder_is_an_error(tmp_path):
    (tmp_path / "empty/deeper").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"empty: holds no image; expected files ending in \.png"):
        open_runs(tmp_path / "empty")
