"""What a demo's options mean: whose classes the labels are, and what is said of a clip that has others."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from camseg_core.errors import DatasetError, WeightsError
from camseg_core.labels import CAMVID, CITYSCAPES
from camseg_ros.replay.options import DemoOptions


@pytest.fixture
def make_options(tmp_path):
    """Options for a model of which there is only the configuration."""

    def make(config, images=None, labels=None):
        model = tmp_path / "model"
        model.mkdir()
        (model / "config.json").write_text(config)
        return DemoOptions(images, labels, None, None, 5.0, 0, str(model), "cpu", 4, "", 300.0)

    return make


def config_of(label_set):
    return json.dumps({"architecture": "camseg", "label_set": label_set.name})


@pytest.fixture
def folders(tmp_path):
    """One frame whose label holds the ids 18 and 19: Cityscapes' last class and its void, neither of them CamVid's."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    cv2.imwrite(str(images / "0.png"), np.zeros((2, 2, 3), np.uint8))
    cv2.imwrite(str(labels / "0.png"), np.array([[0, 18], [19, 255]], np.uint8))
    return images, labels


def test_label_images_hold_the_classes_of_the_model(make_options, folders):
    options = make_options(config_of(CITYSCAPES), *folders)
    (frame,) = options.open_source()
    assert frame.labels.tolist() == [[0, 18], [255, 255]]
    assert options.labels_are_of_model()


def test_label_images_with_ids_that_are_no_class_of_the_model_are_an_error(make_options, folders):
    options = make_options(config_of(CAMVID), *folders)
    with pytest.raises(DatasetError, match=r"0\.png: holds class id 18; expected 0 to 10 \(camvid\)"):
        list(options.open_source())


def test_the_built_in_clip_has_labels_for_a_model_of_its_classes_alone(make_options, tmp_path):
    options = make_options(config_of(CAMVID))
    assert (options.labels_are_of_model(), options.describe_source()) == (True, "built-in clip, seed 0")
    (tmp_path / "model" / "config.json").write_text(config_of(CITYSCAPES))
    assert not options.labels_are_of_model()
    without = "built-in clip, seed 0 (without labels: they are camvid, the model is cityscapes)"
    assert options.describe_source() == without


def test_inputs_are_the_files_that_are_read_and_not_the_names_of_models(make_options, folders, tmp_path):
    images, labels = folders
    reference = tmp_path / "reference.safetensors"
    reference.touch()
    options = replace(make_options(config_of(CAMVID), images, labels), drift_reference=str(reference))
    inputs = {"images": images, "labels": labels, "model": tmp_path / "model", "drift-reference": reference}
    assert options.inputs() == inputs
    by_name = DemoOptions(None, None, tmp_path, None, 5.0, 0, "camseg-small", "cpu", 4, "auto", 300.0)
    assert by_name.inputs() == {"bag": tmp_path}


@pytest.mark.parametrize("config", ["{", "{}", "[]"])
def test_a_model_whose_configuration_names_no_label_set_is_an_error(make_options, config):
    options = make_options(config)
    with pytest.raises(WeightsError, match=f"{Path(options.model) / 'config.json'}: names no label set"):
        options.open_source()
