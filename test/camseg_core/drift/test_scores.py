"""What each score sees, and what none may see."""

import numpy as np
import pytest

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.drift.fitting import fit_reference
from camseg_core.drift.scores import (
    COMPONENTS,
    SCORES,
    WEATHER_DIRECTION,
    default_weather_shift,
    region_losses,
)

CHANNELS = 2
PART = ROWS * COLUMNS * CHANNELS
DIMENSIONS = len(PARTS) * PART
SHIFT = default_weather_shift(DIMENSIONS)


def clear_drive(frames: int, seed: int) -> np.ndarray:
    return 0.3 * np.random.default_rng(seed).standard_normal((frames, DIMENSIONS))


@pytest.fixture(scope="module")
def references():
    drives = [clear_drive(150, seed) for seed in range(3)]
    return {score: fit_reference(drives, "m", score=score, weather_shift=SHIFT) for score in SCORES}


@pytest.mark.parametrize("score", SCORES)
def test_lost_contrast_is_strange_and_light_is_not(references, score):
    clear = clear_drive(200, seed=9)
    foggy, brighter = clear + SHIFT, clear.copy()
    brighter[:, :PART] += 5.0
    reference = references[score]
    np.testing.assert_array_equal(reference.scores(brighter), reference.scores(clear))
    assert np.quantile(reference.scores(foggy), 0.05) > np.quantile(reference.scores(clear), 0.95)


def test_more_contrast_than_ever_is_no_weather():
    drives = [clear_drive(150, seed) for seed in range(2)]
    reference = fit_reference(drives, "m", score=WEATHER_DIRECTION, weather_shift=SHIFT)
    crisp = clear_drive(50, seed=9) - SHIFT
    assert reference.scores(crisp).max() < np.median(reference.held_out_scores)


def test_nothing_counts_that_does_not_carry_over_between_drives():
    # Each drive has contrasts of its own that weather does not touch: they say nothing of weather on a third.
    random = np.random.default_rng(0)
    own = [2.0 * random.standard_normal(DIMENSIONS) * (SHIFT != 0) for _ in range(3)]
    own = [level - SHIFT * (level @ SHIFT) / (SHIFT @ SHIFT) for level in own]
    drives = [clear_drive(60, seed) + level for seed, level in enumerate(own[:2])]
    reference = fit_reference(drives, "m", weather_shift=SHIFT)
    unseen = clear_drive(60, seed=9) + own[2]
    assert np.median(reference.scores(unseen + SHIFT)) > np.quantile(reference.scores(unseen), 0.99)


def test_mahalanobis_is_the_mahalanobis_distance():
    component = COMPONENTS["mahalanobis"]
    random = np.random.default_rng(0)
    many = random.standard_normal((20_000, DIMENSIONS)) * np.linspace(0.5, 2.0, DIMENSIONS)
    point = random.standard_normal((1, DIMENSIONS))
    expected = np.sqrt(np.mean((point[0, PART:] / np.linspace(0.5, 2.0, DIMENSIONS)[PART:]) ** 2))
    assert component.evaluate(component.fit(many, SHIFT), point)[0] == pytest.approx(np.log(expected), abs=0.03)


def test_nearest_neighbours_is_the_distance_to_the_fifth():
    component = COMPONENTS["nearest_neighbours"]
    clear = clear_drive(30, seed=0)
    fitted = component.fit(clear, SHIFT)
    scaled = (clear[:, PART:] - fitted["mean"]) / fitted["scale"]
    query = (np.zeros(DIMENSIONS)[PART:] - fitted["mean"]) / fitted["scale"]
    fifth = np.sort(np.linalg.norm(scaled - query, axis=1))[4] / np.sqrt(DIMENSIONS - PART)
    assert component.evaluate(fitted, np.zeros((1, DIMENSIONS)))[0] == pytest.approx(np.log(fifth))


def test_pca_residual_is_what_the_principal_subspace_leaves():
    component = COMPONENTS["pca_residual"]
    random = np.random.default_rng(0)
    inside = np.zeros((400, DIMENSIONS))
    inside[:, PART : PART + 3] = random.standard_normal((400, 3))
    fitted = component.fit(inside + 1e-6 * random.standard_normal(inside.shape), SHIFT)
    outside = inside[:1].copy()
    outside[0, -1] += 1.0
    along, off = component.evaluate(fitted, np.concatenate([inside[:1], outside]))
    assert off > along + 1.0


def test_regions_add_up_to_the_direction_and_name_the_place():
    component = COMPONENTS[WEATHER_DIRECTION]
    fitted = component.fit(clear_drive(100, seed=0), SHIFT)
    frame = np.zeros((1, DIMENSIONS))
    parts = frame.reshape(len(PARTS), ROWS, COLUMNS, CHANNELS)
    parts[1:, 4, 2] = -1.0
    losses = region_losses(fitted, frame)
    assert losses.shape == (1, ROWS * COLUMNS)
    assert losses.sum() == pytest.approx(component.evaluate(fitted, frame)[0])
    assert losses.argmax() == 4 * COLUMNS + 2
