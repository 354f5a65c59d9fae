"""Image and labels move together; colour changes leave labels alone."""

import numpy as np
import pytest
import torch

from camseg_core.data.datasets import LabelledImage
from camseg_core.labels import CAMVID, UNLABELLED
from camseg_core.training.augmentation import AugmentationSettings, at_input_scale, random_view, with_pasted
from camseg_core.training.batches import BatchSource

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


@pytest.fixture
def donor():
    """A pole before a building, both in colours of their own."""
    labels = np.full((40, 60), CAMVID.names.index("building"), dtype=np.uint8)
    labels[:, 20:24] = CAMVID.names.index("pole")
    return LabelledImage(255 - CAMVID.color_table()[labels], labels, "pole")


def pastings(sample, donor, classes, count=40):
    return [with_pasted(sample, donor, classes, np.random.default_rng(seed)) for seed in range(count)]


def test_pasted_things_bring_their_pixels_and_leave_the_rest_alone(sample, donor):
    pole = CAMVID.names.index("pole")
    own_color = 255 - CAMVID.color_table()[pole].astype(int)
    for view in pastings(sample, donor, [pole]):
        pasted = view.labels == pole
        # Magnified by interpolation, a pixel at the edge blends with what stood beside it.
        inner = pasted & np.roll(pasted, 1, axis=1) & np.roll(pasted, -1, axis=1)
        assert np.abs(view.image[inner].astype(int) - own_color).max(initial=0) <= 2
        assert np.array_equal(view.image[~pasted], sample.image[~pasted])
        assert np.array_equal(view.labels[~pasted], sample.labels[~pasted])


def test_each_class_is_pasted_every_other_time(sample, donor):
    pole = CAMVID.names.index("pole")
    pasted = [(view.labels == pole).any() for view in pastings(sample, donor, [pole], count=400)]
    # A binomial of 400 draws at 0.5 has a standard deviation of 0.025.
    assert np.mean(pasted) == pytest.approx(0.5, abs=0.1)


def test_a_line_of_one_pixel_is_pasted_whole(sample, donor):
    pole = CAMVID.names.index("pole")
    donor.labels[:, 20:24] = CAMVID.names.index("building")
    donor.labels[:, 21] = pole
    for view in pastings(sample, donor, [pole]):
        rows = (view.labels == pole).any(axis=1)
        assert rows.all() or not rows.any()


def test_classes_that_are_not_named_are_not_pasted(sample, donor):
    views = pastings(sample, donor, [CAMVID.names.index("bicyclist")])
    assert all(np.array_equal(view.labels, sample.labels) for view in views)


def test_things_are_pasted_from_images_of_another_size(sample, donor):
    half = LabelledImage(donor.image[::2, ::2], donor.labels[::2, ::2], "half")
    pole = CAMVID.names.index("pole")
    view = next(view for view in pastings(sample, half, [pole]) if (view.labels == pole).any())
    assert view.labels.shape == view.image.shape[:2] == sample.labels.shape


@pytest.mark.parametrize(
    ("kind", "is_rough"), [("noise", True), ("salt_and_pepper", True), ("contrast", False), ("saturation", False)]
)
def test_corruptions_without_odds_do_not_come(sample, kind, is_rough):
    odds = {name: 0 for name in vars(STILL) if name.endswith("_odds")}
    spoilt = AugmentationSettings(**{**vars(STILL), **odds, "corruption_probability": 1.0, f"{kind}_odds": 1})
    views = [random_view(sample, (40, 60), spoilt, np.random.default_rng(seed)).image for seed in range(20)]
    # Noise alone makes pixels inside a quadrant differ from those beside them.
    rough = [bool(np.abs(np.diff(view[2:16, 2:26].astype(int), axis=1)).max() > 3) for view in views]
    assert rough == [is_rough] * len(views)


def test_batches_of_runs_that_paste_nothing_do_not_depend_on_what_could_be_pasted(sample, donor):
    sources = [
        BatchSource([([sample, donor], 1.0)], 4, (40, 60), AugmentationSettings(), 0, pasted_classes=classes)
        for classes in ([], [CAMVID.names.index("pole")])
    ]
    first, second = (source.batch(3) for source in sources)
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


def test_batches_hold_pasted_things_where_views_say_so(sample, donor):
    pole = CAMVID.names.index("pole")
    pasting = AugmentationSettings(**{**vars(STILL), "paste_probability": 1.0})
    source = BatchSource([([sample, donor], 1.0)], 64, (40, 60), pasting, 0, pasted_classes=[pole])
    batch = source.batch(0)
    quadrant = CAMVID.names.index("road")  # only the sample has it
    pasted = [(labels == pole).any() and (labels == quadrant).any() for labels in batch.labels]
    # Half of the views are the sample's, half of the donors the one with the pole, which is pasted half of the time.
    assert np.mean(pasted) == pytest.approx(1 / 8, abs=4 * np.sqrt(1 / 8 * 7 / 8 / 64))
