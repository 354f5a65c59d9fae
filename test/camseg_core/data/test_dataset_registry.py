"""Every dataset by its name, on the smallest tree of its layout: whole, and with each thing that can be wrong."""

import re
from dataclasses import dataclass

import pytest

from camseg_core.data.datasets import DATASET_NAMES, get_dataset
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import CAMVID, CITYSCAPES, LabelSet


@dataclass(frozen=True)
class Layout:
    """One frame of a dataset.

    Attributes:
        image: its image below the root.
        labels: its labels below the root.
        stored: the stored id that means the last class.
        label_set: the dataset's classes.
        name: the frame's name.
    """

    image: str
    labels: str
    stored: int
    label_set: LabelSet
    name: str


def acdc(condition, reference=""):
    frame, split = "GOPR0475_frame_000041", f"val{reference}"
    return Layout(
        f"rgb_anon/{condition}/{split}/GOPR0475/{frame}_rgb{reference}_anon.png",
        f"gt/{condition}/{split}/GOPR0475/{frame}_gt{reference}_labelIds.png",
        33,
        CITYSCAPES,
        frame,
    )


CITY = "lindau/lindau_000000_000019"
CITY_LABELS = f"gtFine/val/{CITY}_gtFine_labelIds.png"
LAYOUTS = {
    "camvid": Layout("val/0016E5_07959.png", "valannot/0016E5_07959.png", 10, CAMVID, "0016E5_07959"),
    "cityscapes": Layout(f"leftImg8bit/val/{CITY}_leftImg8bit.png", CITY_LABELS, 33, CITYSCAPES, CITY[7:]),
    **{
        f"foggy-cityscapes-{beta}": Layout(
            f"leftImg8bit_foggy/val/{CITY}_leftImg8bit_foggy_beta_{beta}.png", CITY_LABELS, 33, CITYSCAPES, CITY[7:]
        )
        for beta in ("0.005", "0.01", "0.02")
    },
    **{f"acdc-{condition}": acdc(condition) for condition in ("fog", "night", "rain", "snow")},
    **{f"acdc-{condition}-ref": acdc(condition, "_ref") for condition in ("fog", "night", "rain", "snow")},
    "kitti-step": Layout(
        "training/image_02/0002/000000.png", "panoptic_maps/val/0002/000000.png", 18, CITYSCAPES, "0002_000000"
    ),
    "bdd100k": Layout(
        "images/10k/val/7d06fefd-f7be05a6.jpg",
        "labels/sem_seg/masks/val/7d06fefd-f7be05a6.png",
        18,
        CITYSCAPES,
        "7d06fefd-f7be05a6",
    ),
    "folder": Layout("val/images/000000.jpg", "val/labels/000000.png", 10, CAMVID, "000000"),
}


@pytest.fixture(params=LAYOUTS)
def name(request):
    return request.param


@pytest.fixture
def layout(name):
    return LAYOUTS[name]


@pytest.fixture
def write_labels(name, write_ids, write_panoptic):
    return write_panoptic if name == "kitti-step" else write_ids


@pytest.fixture
def root(tmp_path, layout, write_image, write_labels):
    write_image(tmp_path / layout.image)
    write_labels(tmp_path / layout.labels, layout.stored)
    return tmp_path


def test_every_registered_name_is_tested_here():
    assert {*LAYOUTS} == {*DATASET_NAMES}


def test_a_frame_is_read_with_its_classes(root, name, layout):
    dataset = get_dataset(name, root, "val", layout.label_set)
    assert len(dataset) == 1
    assert dataset.label_set is layout.label_set
    sample = dataset[0]
    assert sample.name == layout.name
    assert sample.image.shape == (4, 6, 3)
    assert sample.labels.shape == (4, 6)
    assert set(sample.labels.ravel().tolist()) == {len(layout.label_set) - 1}


def test_a_missing_folder_is_named(root, name, layout, tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere.*: no such folder"):
        get_dataset(name, tmp_path / "nowhere", "val", layout.label_set)


def test_an_empty_folder_is_named(root, name, layout):
    image = root / layout.image
    image.rename(image.with_suffix(".part"))
    with pytest.raises(DatasetError, match=r": holds no image; expected files "):
        get_dataset(name, root, "val", layout.label_set)


# ACDC labels only some of its clear frames.
@pytest.mark.parametrize("name", [name for name in LAYOUTS if not name.endswith("-ref")], indirect=True)
def test_an_image_without_its_label_is_named_with_the_label_it_lacks(root, name, layout, write_image):
    extra = write_image(root / layout.image.replace(layout.name.split("_")[-1], "999999"))
    with pytest.raises(DatasetError, match=rf"{re.escape(str(extra))}: has no labels \(1 of 2 .*expected .*999999"):
        get_dataset(name, root, "val", layout.label_set)


# A folder may hold a choice of frames.
@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "folder"], indirect=True)
def test_a_label_without_its_image_is_named_with_the_image_it_lacks(root, name, layout, write_labels):
    extra = write_labels(root / layout.labels.replace(layout.name.split("_")[-1], "999999"), layout.stored)
    with pytest.raises(DatasetError, match=rf"{re.escape(str(extra))}: has no image \(1 of 2 .*expected .*999999"):
        get_dataset(name, root, "val", layout.label_set)


@pytest.mark.parametrize("kept", [0.0, 0.6], ids=["empty", "cut short"])
@pytest.mark.parametrize("part", ["image", "labels"])
def test_a_corrupt_file_is_named(root, name, layout, part, kept):
    path = root / getattr(layout, part)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DatasetError, match=rf"{re.escape(str(path))}: cannot be decoded"):
        get_dataset(name, root, "val", layout.label_set)[0]


def test_labels_of_another_size_are_named_with_both_sizes(root, name, layout, write_labels):
    path = write_labels(root / layout.labels, layout.stored, size=(5, 6))
    with pytest.raises(DatasetError, match=rf"{re.escape(str(path))}: is 6×5 pixels; expected 6×4 as .*{layout.image}"):
        get_dataset(name, root, "val", layout.label_set)[0]


def test_an_unknown_id_is_named(root, name, layout, write_labels):
    path = write_labels(root / layout.labels, layout.stored, 77)
    with pytest.raises(DatasetError, match=rf"{re.escape(str(path))}: holds class id 77; expected "):
        get_dataset(name, root, "val", layout.label_set)[0]


def test_an_unknown_split_is_named(root, name, layout):
    with pytest.raises(DatasetError, match=r"'dev'; expected one of|dev/images: no such folder"):
        get_dataset(name, root, "dev", layout.label_set)


def test_an_unknown_name_is_an_error_with_the_known_ones(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"dataset 'cityscape' is unknown; expected one of camvid, cityscapes,"
    ):
        get_dataset("cityscape", tmp_path, "val", CITYSCAPES)


def test_a_model_with_more_classes_gets_its_own_ids(tmp_path, write_image, write_ids):
    layout = LAYOUTS["cityscapes"]
    write_image(tmp_path / layout.image)
    write_ids(tmp_path / layout.labels, 7, 33, 0)
    with_void = LabelSet("with-void", ("void", *CITYSCAPES.names), ((0, 0, 0), *CITYSCAPES.colors))
    dataset = get_dataset("cityscapes", tmp_path, "val", with_void)
    assert dataset.label_set is with_void
    assert dataset[0].labels[0, :3].tolist() == [1, 19, 255]


def test_a_model_that_lacks_classes_is_refused(tmp_path, write_image, write_ids):
    layout = LAYOUTS["cityscapes"]
    write_image(tmp_path / layout.image)
    write_ids(tmp_path / layout.labels, 7)
    with pytest.raises(ConfigurationError, match="'cityscapes' cannot be used with 'camvid', which lacks sidewalk,"):
        get_dataset("cityscapes", tmp_path, "val", CAMVID)
