import math

import numpy as np
import pytest

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.labels import CAMVID
from camseg_core.weather import apply_snow, cover_ground, snow_extinction_per_m
from camseg_core.weather.snow import fall_speed_mps, flake_diameter_mm, melted_intercept_per_m3_mm, melted_slope_per_mm


@pytest.fixture
def scene():
    image = np.random.default_rng(3).integers(0, 120, (90, 120, 3), dtype=np.uint8)
    return image, np.full((90, 120), 40.0, np.float32)


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.5])
def test_the_melted_flakes_bring_the_stated_water(rate):
    """Third moment of Gunn and Marshall's sizes times their speed; the two laws were measured apart."""
    melted = np.linspace(0.01, 20, 20_000)
    number = melted_intercept_per_m3_mm(rate) * np.exp(-melted_slope_per_mm(rate) * melted)
    water_mm_per_h = np.trapezoid(math.pi / 6 * melted**3 * number * fall_speed_mps(flake_diameter_mm(melted)), melted)
    water_mm_per_h *= 1e-9 * 1000 * 3600
    assert water_mm_per_h == pytest.approx(rate, rel=0.4)


@pytest.mark.parametrize("rate", [0.5, 2.0, 8.0])
def test_extinction_is_the_integral_over_the_flakes_cross_sections(rate):
    melted = np.linspace(0, 60, 300_001)
    number = melted_intercept_per_m3_mm(rate) * np.exp(-melted_slope_per_mm(rate) * melted)
    area_m2 = math.pi / 4 * (flake_diameter_mm(melted) * 1e-3) ** 2
    assert snow_extinction_per_m(rate) == pytest.approx(np.trapezoid(2 * area_m2 * number, melted), rel=1e-4)


def test_visibility_in_snow_is_of_the_order_observers_report():
    # Rasmussen et al. (1999): at 1 mm/h some 400 to 1200 m by day, at 2.5 mm/h 200 to 500 m.
    assert 400 < math.log(20) / snow_extinction_per_m(1.0) < 1200
    assert 200 < math.log(20) / snow_extinction_per_m(2.5) < 500


def test_no_snow_leaves_the_image(scene):
    assert np.array_equal(apply_snow(*scene, 0.0, seed=1), scene[0])


def test_the_seed_decides_the_flakes(scene):
    first = apply_snow(*scene, 2.0, seed=1)
    assert np.array_equal(first, apply_snow(*scene, 2.0, seed=1))
    assert not np.array_equal(first, apply_snow(*scene, 2.0, seed=2))


def test_more_snow_whitens_black_more():
    black, near = np.zeros((120, 160, 3), np.uint8), np.full((120, 160), 10.0, np.float32)
    light = [apply_snow(black, near, rate, seed=5).mean() for rate in (0.5, 2.0, 8.0)]
    assert light == sorted(light)
    assert light[0] < light[-1] / 2


def test_snow_lies_on_the_ground_and_not_on_cars():
    image = np.full((120, 160, 3), 60, np.uint8)
    depth_m = np.full((120, 160), 20.0, np.float32)
    labels = np.full((120, 160), CAMVID.names.index("car"), np.uint8)
    labels[60:] = CAMVID.names.index("pavement")
    covered = cover_ground(image, depth_m, labels, 1.0, seed=0)
    assert np.array_equal(covered[:60], image[:60])
    assert (covered[60:] > 180).all()
    assert np.array_equal(cover_ground(image, depth_m, labels, 0.0, seed=0), image)
    half = cover_ground(image, depth_m, labels, 0.5, seed=0)
    assert image.mean() < half.mean() < covered.mean()


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("rate_mm_per_h = 21", {"rate_mm_per_h": 21.0}),
        ("rate_mm_per_h = nan", {"rate_mm_per_h": float("nan")}),
        ("seed = -4", {"seed": -4}),
        ("focal_px = 0", {"focal_px": 0.0}),
        ("exposure_s = 0", {"exposure_s": 0.0}),
        ("speed_mps = -1", {"speed_mps": -1.0}),
    ],
)
def test_values_out_of_range_are_named(scene, named, options):
    with pytest.raises(ConfigurationError, match=named):
        apply_snow(*scene, **{"rate_mm_per_h": 1.0, "seed": 0, **options})


def test_ground_that_does_not_fit_is_refused(scene):
    image, depth_m = scene
    with pytest.raises(FrameError, match="labels of shape"):
        cover_ground(image, depth_m, np.zeros((4, 5), np.uint8), 0.5, 0)
    with pytest.raises(ConfigurationError, match="snow cover = 2"):
        cover_ground(image, depth_m, np.zeros((90, 120), np.uint8), 2.0, 0)
