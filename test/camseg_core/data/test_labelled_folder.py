"""A plain folder of images with a folder of labels."""

import pytest

from camseg_core.data.datasets import LabelledFolder
from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.errors import DatasetError
from camseg_core.labels import CAMVID


@pytest.fixture
def folders(tmp_path, write_image, write_ids):
    for number, name in enumerate(("c.png", "a.jpg", "b.png")):
        write_image(tmp_path / "images" / name, (50 * number,) * 3)
        write_ids(tmp_path / "labels" / f"{name[0]}.png", number, 11)
    return tmp_path / "images", tmp_path / "labels"


def opened(folders):
    return LabelledFolder(*folders, folder_label_map(CAMVID))


def test_images_in_order_of_name_with_labels_of_the_same_stem(folders):
    dataset = opened(folders)
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.name for sample in samples] == ["a", "b", "c"]
    assert [int(sample.image[0, 0, 0]) for sample in samples] == [50, 100, 0]
    assert [sample.labels[0, :2].tolist() for sample in samples] == [[1, 255], [2, 255], [0, 255]]


def test_labels_of_frames_that_were_not_chosen_are_left_alone(folders, write_ids):
    write_ids(folders[1] / "d.png", 0)
    assert len(opened(folders)) == 3


def test_an_image_without_its_label_is_named(folders):
    (folders[1] / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"images/a\.jpg: has no labels \(1 of 3 .* expected .*labels/a\.png"):
        opened(folders)
