import numpy as np
import pytest

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.weather import apply_fog, fog_extinction_per_m

AIRLIGHT = (200, 200, 200)


def linear(srgb):
    """IEC 61966-2-1, written out independently of the package."""
    value = np.asarray(srgb, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def flat(level, depth, shape=(4, 5)):
    return np.full((*shape, 3), level, np.uint8), np.full(shape, depth, np.float32)


def test_a_black_object_at_the_optical_range_has_five_percent_contrast():
    black, depth = flat(0, 120.0)
    seen = linear(apply_fog(black, depth, visibility_m=120.0, airlight=AIRLIGHT))
    contrast = (linear(200) - seen) / linear(200)
    # Half a grey level near 200 is 0.6 % of the airlight.
    assert contrast == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize(("beta", "visibility_m"), [(0.005, 599), (0.01, 300), (0.02, 150)])
def test_extinction_and_visibility_of_foggy_cityscapes(beta, visibility_m):
    assert fog_extinction_per_m(visibility_m) == pytest.approx(beta, rel=0.005)


def test_koschmieder_at_any_distance_in_linear_light():
    depths = np.array([[0.0, 10.0, 40.0, 80.0, 200.0, np.inf]], np.float32)
    image = np.full((1, 6, 3), 60, np.uint8)
    t = 20.0 ** (-depths[0] / 100.0)
    expected = linear(60) * t + linear(200) * (1 - t)
    seen = linear(apply_fog(image, depths, visibility_m=100.0, airlight=AIRLIGHT))[0, :, 0]
    np.testing.assert_allclose(seen, expected, atol=0.005)


def test_sky_becomes_airlight():
    image, depth = flat(255, np.inf)
    assert (apply_fog(image, depth, 5000.0, airlight=(180, 190, 200)) == (180, 190, 200)).all()


def test_contrast_falls_with_visibility():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    depth = np.full((32, 32), 60.0, np.float32)
    spread = [apply_fog(image, depth, visibility).std() for visibility in (30, 60, 120, 500, 2000)]
    assert spread == sorted(spread)
    assert spread[0] < 0.1 * spread[-1]


def test_endless_visibility_leaves_the_image_and_does_not_share_it():
    image, depth = flat(77, np.inf)
    seen = apply_fog(image, depth, float("inf"))
    assert np.array_equal(seen, image)
    assert not np.shares_memory(seen, image)


def test_great_visibility_leaves_near_things():
    image, depth = flat(77, 100.0)
    assert np.array_equal(apply_fog(image, depth, 1e7), image)


@pytest.mark.parametrize("visibility", [0.0, 0.5, -3.0, float("nan")])
def test_visibility_out_of_range_is_named(visibility):
    with pytest.raises(ConfigurationError, match=f"visibility_m = {visibility}; expected 1 or more"):
        apply_fog(*flat(0, 1.0), visibility)


def test_airlight_out_of_range_is_named():
    with pytest.raises(ConfigurationError, match="300"):
        apply_fog(*flat(0, 1.0), 100.0, airlight=(300, 0, 0))


@pytest.mark.parametrize(
    ("image", "depth"),
    [
        (np.zeros((4, 5), np.uint8), np.ones((4, 5), np.float32)),
        (np.zeros((4, 5, 3), np.float32), np.ones((4, 5), np.float32)),
        (np.zeros((4, 5, 3), np.uint8), np.ones((5, 4), np.float32)),
        (np.zeros((4, 5, 3), np.uint8), np.ones((4, 5), np.int32)),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), -1.0, np.float32)),
        (np.zeros((4, 5, 3), np.uint8), np.full((4, 5), np.nan, np.float32)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(image, depth):
    with pytest.raises(FrameError, match="expected"):
        apply_fog(image, depth, 100.0)
