"""What stored ids mean, and what happens to an id that means nothing."""

from pathlib import Path

import numpy as np
import pytest

from camseg_core.data.datasets.label_map import LabelMap, folder_label_map
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import CAMVID, LabelSet

SET = LabelSet("two", ("road", "sky"), ((128, 64, 128), (70, 130, 180)))
PATH = Path("some/labels.png")


def ids(*values):
    return np.array([values], dtype=np.uint8)


def test_stored_ids_become_class_ids_and_ignored_ones_255():
    label_map = LabelMap(SET, {7: 0, 9: 0, 23: 1}, frozenset({0, 255}))
    labels = label_map.apply(ids(7, 9, 23, 0, 255), PATH)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize("unknown", [1, 8, 254])
def test_an_id_that_is_neither_class_nor_ignored_is_an_error_with_path_and_id(unknown):
    label_map = LabelMap(SET, {7: 0, 23: 1}, frozenset({0, 255}))
    with pytest.raises(DatasetError) as error:
        label_map.apply(ids(7, unknown, 0), PATH)
    assert str(error.value) == (
        f"some/labels.png: holds class id {unknown}; expected 7, 23 (two), or 0, 255 for unlabelled"
    )


@pytest.mark.parametrize(
    ("classes", "ignored", "message"),
    [
        ({7: 0, 256: 1}, set(), r"stored ids \[256\]; expected 0 to 255"),
        ({7: 0}, {-1}, r"stored ids \[-1\]; expected 0 to 255"),
        ({7: 0, 23: 1}, {23}, r"ids \[23\] as class and as ignored"),
        ({7: 0, 23: 2}, set(), r"class ids \[2\]; expected 0 to 1 \(two\)"),
    ],
)
def test_a_map_that_contradicts_itself_is_an_error(classes, ignored, message):
    with pytest.raises(ConfigurationError, match=message):
        LabelMap(SET, classes, frozenset(ignored))


def test_another_label_set_numbers_classes_of_the_same_name():
    more = LabelSet("more", ("void", "sky", "road"), ((0, 0, 0), (70, 130, 180), (128, 64, 128)))
    label_map = LabelMap(SET, {7: 0, 23: 1}, frozenset({0})).into(more)
    assert label_map.label_set is more
    assert label_map.apply(ids(7, 23, 0), PATH).tolist() == [[2, 1, 255]]


def test_a_label_set_without_all_classes_is_an_error_naming_them():
    with pytest.raises(ConfigurationError, match=r"'two' cannot be used with 'one', which lacks sky;"):
        folder_label_map(SET).into(LabelSet("one", ("road",), ((128, 64, 128),)))


def test_a_folder_stores_class_ids_and_the_next_id_or_255_for_void():
    label_map = folder_label_map(CAMVID)
    assert label_map.apply(ids(0, 10, 11, 255), PATH).tolist() == [[0, 10, 255, 255]]
    with pytest.raises(DatasetError, match=r"id 12; expected 0 to 10 \(camvid\), or 11, 255 for unlabelled"):
        label_map.apply(ids(12), PATH)
