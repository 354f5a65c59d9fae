"""Cityscapes' layout and label ids, and those of its foggy versions."""

import numpy as np
import pytest

from camseg_core.data.datasets import Cityscapes, FoggyCityscapes
from camseg_core.errors import DatasetError
from camseg_core.labels import CITYSCAPES

PUBLISHED_IDS = {
    "road": 7, "sidewalk": 8, "building": 11, "wall": 12, "fence": 13, "pole": 17, "traffic light": 19,
    "traffic sign": 20, "vegetation": 21, "terrain": 22, "sky": 23, "person": 24, "rider": 25, "car": 26, "truck": 27,
    "bus": 28, "train": 31, "motorcycle": 32, "bicycle": 33,
}  # fmt: skip
"""Class to id in ``…_labelIds.png``, as Cityscapes lists them; the others of 0 to 33 are not evaluated."""


@pytest.fixture
def root(tmp_path, write_image, write_ids):
    for city, frame, shade in (
        ("munster", "munster_000173_000019", 3),
        ("frankfurt", "frankfurt_000001_000538", 2),
        ("frankfurt", "frankfurt_000000_000294", 1),
    ):
        write_image(tmp_path / f"leftImg8bit/val/{city}/{frame}_leftImg8bit.png", (shade, 0, 0))
        for level, beta in enumerate(("0.005", "0.01", "0.02")):
            fog = tmp_path / f"leftImg8bit_foggy/val/{city}/{frame}_leftImg8bit_foggy_beta_{beta}.png"
            write_image(fog, (shade, 100 + level, 0))
        write_ids(tmp_path / f"gtFine/val/{city}/{frame}_gtFine_labelIds.png", 7, 23, 0)
        write_ids(tmp_path / f"gtFine/val/{city}/{frame}_gtFine_instanceIds.png", 99)
        write_image(tmp_path / f"gtFine/val/{city}/{frame}_gtFine_color.png")
        (tmp_path / f"gtFine/val/{city}/{frame}_gtFine_polygons.json").write_text("{}")
    return tmp_path


def test_frames_of_all_cities_in_order_with_their_labels(root):
    dataset = Cityscapes(root, "val")
    assert dataset.label_set is CITYSCAPES
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.name for sample in samples] == [
        "frankfurt_000000_000294", "frankfurt_000001_000538", "munster_000173_000019",
    ]  # fmt: skip
    assert [sample.image[0, 0].tolist() for sample in samples] == [[1, 0, 0], [2, 0, 0], [3, 0, 0]]
    assert samples[0].labels[0, :3].tolist() == [0, 10, 255]


def test_label_ids_are_those_that_cityscapes_publishes(root, write_image, write_ids):
    stored = [*range(34), 255]  # license plate is −1
    frame = "frankfurt/frankfurt_000000_000294"
    write_image(root / f"leftImg8bit/val/{frame}_leftImg8bit.png", size=(1, 35))
    write_ids(root / f"gtFine/val/{frame}_gtFine_labelIds.png", *stored, size=(1, 35))
    labels = Cityscapes(root, "val")[0].labels[0].tolist()
    names = [CITYSCAPES.names[known] if known != 255 else None for known in labels]
    name_of_id = {published: name for name, published in PUBLISHED_IDS.items()}
    assert names == [name_of_id.get(number) for number in stored]


@pytest.mark.parametrize(("beta", "green"), [("0.005", 100), ("0.01", 101), ("0.02", 102)])
def test_fog_comes_in_three_levels_with_the_same_labels(root, beta, green):
    dataset = FoggyCityscapes(root, "val", beta)
    clear = Cityscapes(root, "val")
    assert len(dataset) == 3
    for index in range(3):
        assert dataset[index].image[0, 0].tolist() == [index + 1, green, 0]
        assert dataset[index].name == clear[index].name
        assert np.array_equal(dataset[index].labels, clear[index].labels)


def test_the_test_split_has_no_labels_to_measure_against(root):
    with pytest.raises(DatasetError, match="cityscapes has no labelled split 'test'; expected one of train, val"):
        Cityscapes(root, "test")


def test_an_unknown_fog_level_is_named(root):
    with pytest.raises(DatasetError, match=r"no fog of beta '0\.05'; expected one of 0\.005, 0\.01, 0\.02"):
        FoggyCityscapes(root, "val", "0.05")


def test_an_id_that_cityscapes_does_not_know_is_named(root, write_ids):
    path = root / "gtFine/val/munster/munster_000173_000019_gtFine_labelIds.png"
    write_ids(path, 34)
    with pytest.raises(
        DatasetError, match=r"munster_000173_000019_gtFine_labelIds\.png: holds class id 34; expected 7"
    ):
        Cityscapes(root, "val")[2]
