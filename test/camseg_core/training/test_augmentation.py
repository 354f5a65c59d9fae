"""Image and labels move together; colour changes leave labels alone."""

import numpy as np
import pytest

from camseg_core.data.datasets import LabelledImage
from camseg_core.labels import CAMVID, UNLABELLED
from camseg_core.training.augmentation import AugmentationSettings, at_input_scale, random_view

STILL = AugmentationSettings(
    zoom_min=1.0, zoom_max=1.0, rotation_deg=0.0, flip_probability=0.0, brightness=0.0, contrast=0.0, saturation=0.0,
    gamma=0.0, color_shift=0.0, blur_probability=0.0, noise_probability=0.0,
)  # fmt: skip


@pytest.fixture
def sample():
    labels = np.zeros((40, 60), dtype=np.uint8)
    labels[:20, :30], labels[:20, 30:], labels[20:, :30], labels[20:, 30:] = 0, 3, 5, 8
    return LabelledImage(CAMVID.color_table()[labels], labels, "quadrants")


def test_without_any_change_the_view_is_the_image(sample):
    view = random_view(sample, (40, 60), STILL, np.random.default_rng(0))
    assert np.array_equal(view.labels, sample.labels)
    assert np.abs(view.image.astype(int) - sample.image).max() <= 1


def test_mirrored_view_is_the_mirror_image(sample):
    settings = AugmentationSettings(**{**vars(STILL), "flip_probability": 1.0})
    view = random_view(sample, (40, 60), settings, np.random.default_rng(0))
    # The mirror axis lies between pixels: one column at the border may fall outside.
    assert np.array_equal(view.labels[:, 1:], sample.labels[:, ::-1][:, :-1])


@pytest.mark.parametrize("seed", range(8))
def test_labels_follow_the_image(sample, seed):
    geometry = AugmentationSettings(**{**vars(STILL), "zoom_min": 0.6, "zoom_max": 2.0, "rotation_deg": 8.0})
    view = random_view(sample, (36, 48), geometry, np.random.default_rng(seed))
    inside = view.labels != UNLABELLED
    drawn = CAMVID.color_table()[view.labels].astype(int)
    agree = (np.abs(view.image.astype(int) - drawn).max(axis=2) <= 2)[inside]
    assert inside.mean() > 0.3
    assert agree.mean() > 0.9  # interpolation blends colours along the two edges


def test_outside_the_image_is_unlabelled(sample):
    shrunk = AugmentationSettings(**{**vars(STILL), "zoom_min": 0.5, "zoom_max": 0.5})
    view = random_view(sample, (40, 60), shrunk, np.random.default_rng(0))
    assert (view.labels != UNLABELLED).mean() == pytest.approx(0.25, abs=0.03)
    assert set(np.unique(view.labels)) <= {0, 3, 5, 8, UNLABELLED}


def test_smaller_views_are_crops_at_the_scale_of_the_input(sample):
    crop = at_input_scale(STILL, input_height_px=40, size=(20, 30))
    view = random_view(sample, (20, 30), crop, np.random.default_rng(1))
    places = [
        (top, left)
        for top in range(21)
        for left in range(31)
        if np.array_equal(sample.labels[top : top + 20, left : left + 30], view.labels)
    ]
    assert len(places) > 0


def test_views_as_large_as_the_input_are_left_as_they_are():
    assert at_input_scale(AugmentationSettings(), input_height_px=40, size=(40, 60)) == AugmentationSettings()


def test_colour_changes_leave_labels_alone(sample):
    loud = AugmentationSettings(
        zoom_min=1.0, zoom_max=1.0, rotation_deg=0.0, flip_probability=0.0, blur_probability=1.0, noise_probability=1.0
    )
    view = random_view(sample, (40, 60), loud, np.random.default_rng(3))
    assert np.array_equal(view.labels, sample.labels)
    assert not np.array_equal(view.image, sample.image)


def test_corruptions_come_as_often_as_asked_and_leave_labels_alone(sample):
    settings = AugmentationSettings(**{**vars(STILL), "corruption_probability": 0.3})
    views = [random_view(sample, (40, 60), settings, np.random.default_rng(seed)) for seed in range(400)]
    spoilt = [np.abs(view.image.astype(int) - sample.image).max() > 1 for view in views]
    # A binomial of 400 draws at 0.3 has a standard deviation of 0.023.
    assert np.mean(spoilt) == pytest.approx(0.3, abs=0.09)
    assert all(np.array_equal(view.labels, sample.labels) for view in views)


def test_strong_corruptions_are_of_several_kinds_and_leave_labels_alone(sample):
    spoilt = AugmentationSettings(**{**vars(STILL), "corruption_probability": 1.0})
    views = [random_view(sample, (40, 60), spoilt, np.random.default_rng(seed)) for seed in range(60)]
    assert all(np.array_equal(view.labels, sample.labels) for view in views)
    spread = [view.image.max(axis=2).astype(int) - view.image.min(axis=2) for view in views]
    original = (sample.image.max(axis=2).astype(int) - sample.image.min(axis=2)).mean()
    # Wrong saturation and low contrast take colour away, strong saturation adds to it, noise scatters it.
    assert min(each.mean() for each in spread) < 0.2 * original
    assert max(each.mean() for each in spread) > 1.1 * original
