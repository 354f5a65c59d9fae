"""KITTI-STEP's layout; the class is in red."""

import pytest

from camseg_core.data.datasets import KittiStep
from camseg_core.errors import DatasetError
from camseg_core.labels import CITYSCAPES

VAL, TRAIN = ("0002", "0018"), ("0000", "0020")


@pytest.fixture
def root(tmp_path, write_panoptic):
    for split, sequences in (("val", VAL), ("train", TRAIN)):
        for sequence in sequences:
            for frame in range(2):
                write_panoptic(tmp_path / f"panoptic_maps/{split}/{sequence}/{frame:06d}.png", 0, 11, 18, 255)
    return tmp_path


@pytest.fixture(params=["as KITTI's archive", "by split"])
def full_root(request, root, write_image):
    """The maps with the frames in each of the two places that they may lie in."""
    for split, sequences in (("val", VAL), ("train", TRAIN)):
        folder = root / ("training/image_02" if request.param == "as KITTI's archive" else f"images/{split}")
        for sequence in sequences:
            for frame in range(2):
                write_image(folder / f"{sequence}/{frame:06d}.png", (int(sequence), frame, 0))
    return root


def test_a_split_is_its_sequences_with_frames_in_order(full_root):
    dataset = KittiStep(full_root, "val")
    assert dataset.label_set is CITYSCAPES
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.name for sample in samples] == ["0002_000000", "0002_000001", "0018_000000", "0018_000001"]
    assert [sample.image[0, 0].tolist() for sample in samples] == [[2, 0, 0], [2, 1, 0], [18, 0, 0], [18, 1, 0]]
    assert [sample.name[:4] for sample in (KittiStep(full_root, "train")[index] for index in (0, 3))] == [
        "0000",
        "0020",
    ]


def test_maps_may_lie_in_the_folder_that_the_archive_unpacks_to(full_root):
    names = [KittiStep(full_root, "val")[index].name for index in range(4)]
    (full_root / "kitti-step").mkdir()
    (full_root / "panoptic_maps").rename(full_root / "kitti-step" / "panoptic_maps")
    dataset = KittiStep(full_root, "val")
    assert [dataset[index].name for index in range(len(dataset))] == names


def test_red_is_the_class(full_root):
    labels = KittiStep(full_root, "val")[0].labels
    assert labels[0, :4].tolist() == [0, 11, 18, 255]
    assert [CITYSCAPES.names[known] for known in labels[0, :3]] == ["road", "person", "bicycle"]


def test_a_map_without_instances_is_not_taken_for_a_panoptic_map(full_root, write_ids):
    write_ids(full_root / "panoptic_maps/val/0002/000000.png", 0)
    with pytest.raises(DatasetError, match=r"0002/000000\.png: is \(4, 6\) uint8; expected three channels"):
        KittiStep(full_root, "val")[0]


def test_missing_frames_are_named_with_both_places(root):
    with pytest.raises(DatasetError, match=r"training/image_02: no such folder; expected it or .*images/val"):
        KittiStep(root, "val")


def test_a_missing_sequence_is_named(root, write_image):
    for frame in range(2):
        write_image(root / f"training/image_02/0002/{frame:06d}.png")
    with pytest.raises(DatasetError, match=r"training/image_02/0018: no such folder"):
        KittiStep(root, "val")


def test_missing_maps_are_named(tmp_path, write_image):
    write_image(tmp_path / "training/image_02/0002/000000.png")
    with pytest.raises(DatasetError, match=r"panoptic_maps/val: no such folder; expected it or .*kitti-step/panoptic_"):
        KittiStep(tmp_path, "val")
    (tmp_path / "panoptic_maps/val").mkdir(parents=True)
    with pytest.raises(DatasetError, match="panoptic_maps/val: holds no sequence; expected folders such as 0002"):
        KittiStep(tmp_path, "val")
