import numpy as np
import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.weather import apply_rain, rain_extinction_per_m
from camseg_core.weather.rain import drops_seed, fall_speed_mps, slope_per_mm


@pytest.fixture
def scene():
    rng = np.random.default_rng(3)
    image = rng.integers(0, 120, (90, 120, 3), dtype=np.uint8)
    return image, np.full((90, 120), 40.0, np.float32)


@pytest.mark.parametrize("rate", [1.0, 5.0, 25.0, 100.0])
def test_extinction_is_the_integral_over_marshall_and_palmers_drops(rate):
    diameter_mm = np.linspace(0, 30, 300_001)
    drops_per_m3_mm = 8000 * np.exp(-4.1 * rate**-0.21 * diameter_mm)
    cross_section_m2 = np.pi / 4 * (diameter_mm * 1e-3) ** 2
    expected = np.trapezoid(2 * cross_section_m2 * drops_per_m3_mm, diameter_mm)
    assert rain_extinction_per_m(rate) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rate", [2.0, 10.0, 50.0])
def test_the_drops_bring_the_stated_water(rate):
    """Third moment of Marshall and Palmer's sizes times fall speed; the two laws were measured apart."""
    diameter_mm = np.linspace(0.11, 12, 20_000)
    drops_per_m3_mm = 8000 * np.exp(-slope_per_mm(rate) * diameter_mm)
    flux = np.pi / 6 * diameter_mm**3 * fall_speed_mps(diameter_mm) * drops_per_m3_mm
    water_mm_per_h = np.trapezoid(flux, diameter_mm) * 1e-9 * 1000 * 3600
    assert water_mm_per_h == pytest.approx(rate, rel=0.25)


@pytest.mark.parametrize("rate", [5.0, 25.0, 50.0, 150.0, 300.0])
def test_extinction_agrees_with_the_measured_law(rate):
    assert rain_extinction_per_m(rate) * 1000 == pytest.approx(0.312 * rate**0.67, rel=0.15)


def test_fall_speeds_agree_with_gunn_and_kinzers_measurements():
    measured = {1.0: 4.03, 2.0: 6.49, 3.0: 8.06, 4.0: 8.83, 5.0: 9.09}
    for diameter_mm, speed in measured.items():
        assert fall_speed_mps(np.array(diameter_mm)) == pytest.approx(speed, rel=0.04)


def test_no_rain_leaves_the_image(scene):
    assert np.array_equal(apply_rain(*scene, 0.0, seed=1), scene[0])


def test_the_seed_decides_the_drops(scene):
    first = apply_rain(*scene, 30.0, seed=1)
    assert np.array_equal(first, apply_rain(*scene, 30.0, seed=1))
    assert not np.array_equal(first, apply_rain(*scene, 30.0, seed=2))


def test_every_frame_of_every_drive_has_drops_of_its_own():
    pairs = [(seed, frame) for seed in range(4) for frame in (0, 1, 239, 240, 480)]
    assert len({drops_seed(*pair) for pair in pairs}) == len(pairs)
    for seed, frame in pairs:
        drawn, expected = (np.random.default_rng(each).random(5) for each in (drops_seed(seed, frame), (frame, seed)))
        assert np.array_equal(drawn, expected)


def test_more_rain_leaves_less_contrast(scene):
    image, depth = scene
    spread = [apply_rain(image, depth * 5, rate, seed=4).std() for rate in (2.0, 20.0, 80.0, 300.0)]
    assert spread == sorted(spread, reverse=True)


def test_more_rain_draws_more_streaks_over_near_black():
    black, near = np.zeros((120, 160, 3), np.uint8), np.full((120, 160), 5.0, np.float32)
    light = [apply_rain(black, near, rate, seed=5).mean() for rate in (5.0, 25.0, 100.0)]
    assert light == sorted(light)
    assert light[0] < light[-1] / 2


def test_drops_behind_a_surface_are_hidden():
    black = np.zeros((60, 80, 3), np.uint8)
    assert (apply_rain(black, np.full((60, 80), 0.2, np.float32), 50.0, seed=0) <= 3).all()


def test_streaks_are_upright_and_longer_with_longer_exposure():
    black, far = np.zeros((240, 240, 3), np.uint8), np.full((240, 240), 4.0, np.float32)

    def length(exposure_s):
        """Lag at which brightness along a column is no longer alike."""
        picture = apply_rain(black, far, 10.0, seed=2, exposure_s=exposure_s)[..., 0].astype(float)
        picture -= picture.mean()
        alike = [(picture[:-lag] * picture[lag:]).mean() / picture.var() for lag in range(1, 40)]
        across = (picture[:, :-4] * picture[:, 4:]).mean() / picture.var()
        assert alike[3] > across + 0.1
        return sum(value > 0.3 for value in alike)

    assert length(0.02) > length(0.005)


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("rate_mm_per_h = -1", {"rate_mm_per_h": -1.0}),
        ("rate_mm_per_h = 301", {"rate_mm_per_h": 301.0}),
        ("rate_mm_per_h = nan", {"rate_mm_per_h": float("nan")}),
        ("seed = -4", {"seed": -4}),
        ("focal_px = 0", {"focal_px": 0.0}),
        ("exposure_s = 0", {"exposure_s": 0.0}),
        ("speed_mps = -1", {"speed_mps": -1.0}),
    ],
)
def test_values_out_of_range_are_named(scene, named, options):
    with pytest.raises(ConfigurationError, match=named):
        apply_rain(*scene, **{"rate_mm_per_h": 10.0, "seed": 0, **options})
