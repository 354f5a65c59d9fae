"""Pictures for people: class colours, overlays, the drift gauge."""

from dataclasses import replace

import numpy as np
import pytest

from camseg_core.drawing import (
    STATE_COLORS,
    colorize,
    draw_drift_gauge,
    draw_legend,
    draw_region_scores,
    overlay,
)
from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftResult, DriftState
from camseg_core.labels import CAMVID, UNLABELLED

ROAD, ROAD_RGB = 3, (128, 64, 128)


def drift(score: float, state: DriftState, warn: float = 16.0, error: float = 20.0) -> DriftResult:
    return DriftResult(score, "mahalanobis", 0.5, warn, error, state, 0, "reference", "model")


def share_of_color(image: np.ndarray, color: tuple[int, int, int]) -> float:
    return float((image == color).all(axis=2).mean())


def test_colorize_gives_every_pixel_the_color_of_its_class():
    labels = np.array([[0, 1, 2], [ROAD, 10, UNLABELLED]], np.uint8)
    expected = [[CAMVID.colors[0], CAMVID.colors[1], CAMVID.colors[2]], [ROAD_RGB, CAMVID.colors[10], (0, 0, 0)]]
    colors = colorize(labels, CAMVID)
    assert colors.dtype == np.uint8
    assert colors.tolist() == [[list(color) for color in row] for row in expected]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_overlay_is_the_weighted_mean_of_image_and_class_color(alpha):
    image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    result = overlay(image, np.full((4, 6), ROAD, np.uint8), CAMVID, alpha)
    expected = (1 - alpha) * image + alpha * np.array(ROAD_RGB)
    assert result.dtype == np.uint8
    assert np.abs(result - expected).max() <= 0.5 + 1e-9


def test_unlabelled_pixels_keep_the_camera_image():
    image = np.full((2, 3, 3), 200, np.uint8)
    labels = np.array([[ROAD, UNLABELLED, ROAD], [UNLABELLED, ROAD, ROAD]], np.uint8)
    result = overlay(image, labels, CAMVID, 1.0)
    assert (result[labels == UNLABELLED] == 200).all()
    assert (result[labels == ROAD] == ROAD_RGB).all()


def test_overlay_leaves_its_inputs_alone():
    image = np.full((2, 3, 3), 200, np.uint8)
    overlay(image, np.full((2, 3), ROAD, np.uint8), CAMVID, 0.5)
    assert (image == 200).all()


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_overlay_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(ConfigurationError, match=rf"alpha is {alpha}; expected 0 to 1"):
        overlay(np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), np.uint8), CAMVID, alpha)


def test_overlay_of_another_size_is_refused():
    with pytest.raises(ConfigurationError, match=r"\(3, 2\).*\(2, 3\)"):
        overlay(np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2), np.uint8), CAMVID, 0.5)


@pytest.mark.parametrize("state", list(DriftState))
def test_gauge_shows_the_color_of_the_state_in_the_upper_left_corner_only(state):
    image = np.zeros((360, 480, 3), np.uint8)
    draw_drift_gauge(image, drift(12.0, state))
    assert share_of_color(image[:60, :240], STATE_COLORS[state]) > 0.02
    assert not image[60:].any()
    assert not image[:, 240:].any()


def test_gauge_bar_grows_with_the_score_until_it_is_full():
    def filled(score: float) -> int:
        image = np.zeros((360, 480, 3), np.uint8)
        draw_drift_gauge(image, drift(score, DriftState.WARN))
        return int((image == STATE_COLORS[DriftState.WARN]).all(axis=2).sum(axis=1).max())

    # 180 px wide at this size and full at 25; the ticks of both thresholds cover at most two of its pixels.
    assert filled(12.5) == pytest.approx(90, abs=2)
    assert filled(25.0) == pytest.approx(180, abs=3)
    assert filled(1e9) == filled(25.0)


def test_gauge_without_a_score_has_no_bar():
    image = np.zeros((360, 480, 3), np.uint8)
    draw_drift_gauge(image, drift(float("nan"), DriftState.UNKNOWN, float("nan"), float("nan")))
    widest_run = (image == STATE_COLORS[DriftState.UNKNOWN]).all(axis=2).sum(axis=1).max()
    assert widest_run < 90


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (48, 64), (1080, 1920)])
def test_gauge_fits_any_image(size):
    image = np.zeros((*size, 3), np.uint8)
    draw_drift_gauge(image, drift(12.0, DriftState.NOMINAL))
    assert image.any() == (size > (1, 1))  # there is no room for it in a single pixel


@pytest.mark.parametrize(("height", "width"), [(360, 480), (1080, 1920), (90, 120)])
def test_legend_shows_every_class_in_its_color_and_leaves_the_rest_of_the_picture(height, width):
    image = np.full((height, width, 3), 255, np.uint8)
    draw_legend(image, CAMVID)
    shown = {tuple(color) for color in np.unique(image.reshape(-1, 3), axis=0)}
    assert set(CAMVID.colors) <= shown
    assert (image[: 2 * height // 3] == 255).all()


def test_legend_of_some_classes_shows_only_those():
    image = np.full((360, 480, 3), 255, np.uint8)
    draw_legend(image, CAMVID, ("road",))
    assert share_of_color(image, ROAD_RGB) > 0
    assert share_of_color(image, CAMVID.colors[8]) == 0


def test_regions_are_clear_below_half_the_warn_threshold_and_reddest_from_the_error_threshold_on():
    image = np.full((40, 60, 3), 100, np.uint8)
    scores = (0.0, 8.0, 14.0, 20.0, 99.0, float("nan"))  # warn 16, error 20
    judged = replace(drift(18.0, DriftState.WARN), region_rows=2, region_columns=3, region_scores=scores)
    drawn = draw_region_scores(image, judged)
    assert (image == 100).all()
    regions = [drawn[10, 10], drawn[10, 30], drawn[10, 50], drawn[30, 10], drawn[30, 30], drawn[30, 50]]
    unchanged = [bool((region == 100).all()) for region in regions]
    assert unchanged == [True, True, False, False, False, True]
    error = np.array(STATE_COLORS[DriftState.ERROR])
    np.testing.assert_allclose(regions[3], 0.4 * 100 + 0.6 * error, atol=0.5)
    np.testing.assert_array_equal(regions[3], regions[4])
