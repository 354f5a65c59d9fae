"""Which frames a recipe trains on."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.training.augmentation import AugmentationSettings, segmentation_views
from camseg_core.training.losses import class_weights
from camseg_core.training.recipe import Recipe


@pytest.fixture
def camvid(tmp_path):
    """Two frames of sky in train, one of road in val."""
    for split, name, label in (("train", "a", "sky"), ("train", "b", "sky"), ("val", "c", "road")):
        for folder, picture in (
            (split, np.zeros((8, 16, 3), np.uint8)),
            (f"{split}annot", np.full((8, 16), CAMVID.names.index(label), np.uint8)),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), picture)
    return tmp_path


@pytest.mark.parametrize(("with_validation", "names"), [(False, ["a", "b"]), (True, ["a", "b", "c"])])
def test_validation_frames_are_trained_on_only_where_it_is_asked_for(camvid, with_validation, names):
    recipe = Recipe(camvid, 1, (8, 16), with_validation=with_validation)
    assert names_in(recipe.training_frames()) == names
    assert names_in(recipe.validation_frames()) == ["c"]


@pytest.mark.parametrize("with_validation", [False, True])
def test_latents_are_scaled_by_the_same_frames_whatever_is_trained_on(camvid, with_validation):
    recipe = Recipe(camvid, 1, (8, 16), with_validation=with_validation)
    assert names_in(recipe.autoencoder_frames()) == ["a", "b"]


def names_in(dataset):
    return [dataset[index].name for index in range(len(dataset))]


def test_classes_are_weighed_by_all_frames_that_are_trained_on(camvid):
    shares = torch.zeros(len(CAMVID))
    shares[CAMVID.names.index("sky")], shares[CAMVID.names.index("road")] = 2 / 3, 1 / 3
    weights = Recipe(camvid, 1, (8, 16), with_validation=True).class_weights()
    torch.testing.assert_close(weights, class_weights(shares))


@pytest.mark.parametrize(("batch_size", "size"), [(2, (16, 16)), (1, (16, 17)), (1, (17, 8))])
def test_two_positions_of_a_batch_can_be_normalised(camvid, batch_size, size):
    Recipe(camvid, 1, size, batch_size).check_normalisation(16)


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (1, 16)])
def test_a_single_position_of_a_whole_batch_is_refused(camvid, size):
    told = f"batch size is 1 with views of {size[0]}×{size[1]}; expected 2 or more, or views larger than 16×16"
    with pytest.raises(ConfigurationError, match=told):
        Recipe(camvid, 1, size, batch_size=1).check_normalisation(16)


def test_rare_classes_are_those_with_less_than_a_fiftieth_of_the_pixels(camvid):
    labels = np.full((8, 16), CAMVID.names.index("sky"), np.uint8)
    labels[0, :2], labels[1, :8] = CAMVID.names.index("pole"), CAMVID.names.index("car")
    cv2.imwrite(str(camvid / "trainannot" / "a.png"), labels)
    # 2 and 8 of 256 pixels, the other frame being all sky.
    assert Recipe(camvid, 1, (8, 16)).rare_classes() == [CAMVID.names.index("pole")]


@pytest.mark.parametrize("content", ["[1, 2]", "{", ""])
def test_a_recipe_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"recipe\.json: is no recipe"):
        Recipe(tmp_path, 1, (8, 16)).hold(tmp_path)


def test_a_run_is_not_resumed_with_other_views(tmp_path):
    recipe = Recipe(tmp_path, 1, (8, 16))
    recipe.hold(tmp_path, views=segmentation_views())
    recipe.hold(tmp_path, views=segmentation_views())
    with pytest.raises(ConfigurationError, match=r"was begun with views .*'noise_odds': 4.*, now .*'noise_odds': 5"):
        recipe.hold(tmp_path, views=replace(segmentation_views(), noise_odds=5))


def test_a_run_that_does_not_say_what_views_it_has_seen_is_not_resumed(tmp_path):
    recipe = Recipe(tmp_path, 1, (8, 16))
    recipe.hold(tmp_path)
    with pytest.raises(ConfigurationError, match=r"was begun with views None, now \{'zoom_min'"):
        recipe.hold(tmp_path, views=AugmentationSettings())


def test_a_run_is_not_resumed_with_other_frozen_parts_or_losses(tmp_path):
    recipe = Recipe(tmp_path, 1, (8, 16))
    recipe.hold(tmp_path, given={"mask_autoencoder": "a1", "losses": {"dice": 0.5}})
    recipe.hold(tmp_path, given={"mask_autoencoder": "a1", "losses": {"dice": 0.5}})
    with pytest.raises(ConfigurationError, match="was begun with mask_autoencoder a1, now b2; expected the same"):
        recipe.hold(tmp_path, given={"mask_autoencoder": "b2", "losses": {"dice": 0.5}})


def test_a_run_that_does_not_say_what_it_was_given_is_resumed_all_the_same(tmp_path):
    """Those begun before recipes noted it must not be lost."""
    recipe = Recipe(tmp_path, 1, (8, 16))
    recipe.hold(tmp_path)
    recipe.hold(tmp_path, given={"mask_autoencoder": "a1"})
