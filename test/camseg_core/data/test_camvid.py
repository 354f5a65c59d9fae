"""CamVid's layout, on a tiny tree made here and on the real frames where they are at hand."""

import cv2
import numpy as np
import pytest

from camseg_core.data.datasets import CamVid
from camseg_core.errors import DatasetError


@pytest.fixture
def root(tmp_path):
    for folder in ("val", "valannot"):
        (tmp_path / folder).mkdir()
    for index, name in enumerate(("b_2.png", "a_1.png")):
        image = np.zeros((6, 8, 3), dtype=np.uint8)
        image[..., 2] = 200  # OpenCV's channel order: red
        cv2.imwrite(str(tmp_path / "val" / name), image)
        labels = np.full((6, 8), index, dtype=np.uint8)
        labels[0, 0] = 11
        cv2.imwrite(str(tmp_path / "valannot" / name), labels)
    return tmp_path


def test_frames_in_order_of_name_as_rgb_with_void_as_255(root):
    dataset = CamVid(root, "val")
    assert [dataset[index].name for index in range(len(dataset))] == ["a_1", "b_2"]
    first = dataset[0]
    assert first.image[3, 3].tolist() == [200, 0, 0]
    assert first.labels[0, 0] == 255
    assert first.labels[3, 3] == 1


def test_the_fingerprint_is_another_where_a_file_is(root):
    before = CamVid(root, "val").fingerprint
    assert CamVid(root, "val").fingerprint == before
    labels = cv2.imread(str(root / "valannot" / "a_1.png"), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(root / "valannot" / "a_1.png"), labels)
    assert CamVid(root, "val").fingerprint != before


def test_real_frames(camvid_root):
    assert (len(CamVid(camvid_root, "train")), len(CamVid(camvid_root, "val"))) == (367, 101)
    sample = CamVid(camvid_root, "val")[0]
    assert sample.image.shape == (360, 480, 3)
    assert set(np.unique(sample.labels)) <= {*range(11), 255}


def test_unknown_split_is_named(root):
    with pytest.raises(DatasetError, match=r"split 'dev'.*train.*val.*test"):
        CamVid(root, "dev")


def test_missing_folder_is_named(root):
    with pytest.raises(DatasetError, match="train: no such folder"):
        CamVid(root, "train")


def test_image_without_label_is_named(root):
    (root / "valannot" / "b_2.png").unlink()
    with pytest.raises(DatasetError, match=r"val/b_2\.png: has no labels \(1 of 2 .*; expected .*valannot/b_2\.png"):
        CamVid(root, "val")


def test_corrupt_image_is_named(root):
    path = root / "val" / "a_1.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DatasetError, match=r"val/a_1\.png: cannot be decoded \(40 bytes\)"):
        CamVid(root, "val")[0]


def test_unknown_id_is_named(root):
    cv2.imwrite(str(root / "valannot" / "a_1.png"), np.full((6, 8), 12, dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"a_1\.png: holds class id 12; expected 0 to 10 \(camvid\), or 11"):
        CamVid(root, "val")[0]


def test_labels_of_another_size_are_named(root):
    cv2.imwrite(str(root / "valannot" / "a_1.png"), np.zeros((5, 8), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"a_1\.png: is 8×5 pixels; expected 8×6"):
        CamVid(root, "val")[0]


def test_colour_labels_are_refused(root):
    cv2.imwrite(str(root / "valannot" / "a_1.png"), np.zeros((6, 8, 3), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"a_1\.png: .*expected one channel"):
        CamVid(root, "val")[0]
