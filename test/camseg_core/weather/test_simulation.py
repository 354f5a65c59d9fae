import numpy as np
import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.weather import Weather, apply_fog, apply_night, apply_weather, ground_plane_depth, severity_levels

IMAGE = np.random.default_rng(0).integers(20, 200, (90, 120, 3), dtype=np.uint8)
DEPTH_M = ground_plane_depth(90, 120)
KINDS = ("fog", "rain", "snow", "night", "lens_blockage")


@pytest.mark.parametrize("kind", KINDS)
def test_severity_is_monotone(kind):
    """What of the clear image's pattern is left falls from level to level."""
    clear = IMAGE.astype(float).ravel()
    left = [
        np.cov(apply_weather(weather, IMAGE, DEPTH_M, 3, time_s=0.4).astype(float).ravel(), clear)[0, 1]
        for weather in severity_levels(kind)
    ]
    assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_arguments_give_the_same_bytes(kind):
    weather = severity_levels(kind)[2]
    first = apply_weather(weather, IMAGE, DEPTH_M, 5, time_s=1.0, speed_mps=8.0)
    assert np.array_equal(first, apply_weather(weather, IMAGE, DEPTH_M, 5, time_s=1.0, speed_mps=8.0))
    assert first.shape == IMAGE.shape
    assert first.dtype == np.uint8


def test_drops_and_flakes_change_with_time_and_dirt_does_not():
    def changes(weather):
        first, second = (apply_weather(weather, IMAGE, DEPTH_M, 0, time_s=t, speed_mps=5.0) for t in (0.0, 0.1))
        return not np.array_equal(first, second)

    assert changes(Weather.rain(25))
    assert changes(Weather.snow(2))
    assert changes(Weather.night(5))
    assert not changes(Weather.lens_blockage(20))
    assert not changes(Weather.fog(100))


@pytest.mark.parametrize("speed_mps", [0.0, 0.001, 0.2])
def test_the_noise_of_a_night_changes_with_time_however_slow_the_camera_is(speed_mps):
    first, second, again = (
        apply_weather(Weather.night(5), IMAGE, DEPTH_M, 0, time_s=t, speed_mps=speed_mps) for t in (1.0, 1.1, 1.0)
    )
    assert (first != second).mean() > 0.5  # not in what lamps light alone, to which the camera comes nearer
    assert np.array_equal(first, again)


def test_the_noise_of_a_moving_camera_is_that_of_the_place():
    night = apply_weather(Weather.night(5), IMAGE, DEPTH_M, 3, time_s=1.5, speed_mps=8.0)
    assert np.array_equal(night, apply_night(IMAGE, DEPTH_M, 5.0, 3, position_m=12.0))


def test_it_is_the_same_fog_as_apply_fog():
    assert np.array_equal(apply_weather(Weather.fog(90), IMAGE, DEPTH_M, 0), apply_fog(IMAGE, DEPTH_M, 90))


def test_clear_weather_leaves_the_image_and_does_not_share_it():
    seen = apply_weather(Weather.clear(), IMAGE, DEPTH_M, 0)
    assert np.array_equal(seen, IMAGE)
    assert not np.shares_memory(seen, IMAGE)


def test_with_labels_snow_lies_on_the_road():
    labels = np.full((90, 120), CAMVID.names.index("building"), np.uint8)
    labels[50:] = CAMVID.names.index("road")
    falls = apply_weather(Weather.snow(1), IMAGE, DEPTH_M, 1)
    lies = apply_weather(Weather.snow(1), IMAGE, DEPTH_M, 1, labels=labels)
    assert lies[50:].mean() > falls[50:].mean() + 10
    assert np.array_equal(lies[:50], falls[:50])


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("seed = -1", {"seed": -1}),
        ("time_s = -1", {"time_s": -1.0}),
        ("time_s = inf", {"time_s": float("inf")}),
        ("speed_mps = 200", {"speed_mps": 200.0}),
    ],
)
def test_values_out_of_range_are_named(named, options):
    with pytest.raises(ConfigurationError, match=named):
        apply_weather(Weather.rain(5), IMAGE, DEPTH_M, **{"seed": 0, **options})
