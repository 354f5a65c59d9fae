"""BDD100K's layout of its semantic segmentation part."""

import pytest

from camseg_core.data.datasets import Bdd100k
from camseg_core.errors import DatasetError
from camseg_core.labels import CITYSCAPES


@pytest.fixture
def root(tmp_path, write_image, write_ids):
    for name, shade in (("9f1a2b3c-50ad8cd5", 200), ("7d06fefd-f7be05a6", 100)):
        write_image(tmp_path / f"images/10k/val/{name}.jpg", (shade, shade, shade))
        write_ids(tmp_path / f"labels/sem_seg/masks/val/{name}.png", *range(19), 255)
        write_image(tmp_path / f"labels/sem_seg/colormaps/val/{name}.png")
    write_image(tmp_path / "images/10k/test/ac6d4f42-00000000.jpg")
    return tmp_path


def test_jpegs_with_masks_of_train_ids(root):
    dataset = Bdd100k(root, "val")
    assert dataset.label_set is CITYSCAPES
    assert [dataset[index].name for index in range(len(dataset))] == ["7d06fefd-f7be05a6", "9f1a2b3c-50ad8cd5"]
    assert [int(dataset[index].image.mean()) for index in range(2)] == [100, 200]
    assert dataset[0].labels.ravel()[:20].tolist() == [*range(19), 255]


def test_ids_beyond_the_19_classes_are_an_error(root, write_ids):
    write_ids(root / "labels/sem_seg/masks/val/7d06fefd-f7be05a6.png", 0, 19)
    with pytest.raises(
        DatasetError, match=r"7d06fefd-f7be05a6\.png: holds class id 19; expected 0 to 18 \(cityscapes\)"
    ):
        Bdd100k(root, "val")[0]


def test_the_test_split_has_no_labels(root):
    with pytest.raises(DatasetError, match="no labelled split 'test'; expected one of train, val"):
        Bdd100k(root, "test")
