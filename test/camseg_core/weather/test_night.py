import cv2
import numpy as np
import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.rendering import PinholeCamera
from camseg_core.weather import apply_night, ground_plane_depth
from camseg_core.weather.night import FULL_EXPOSURE_LX

CAMERA = PinholeCamera(160, 120, 160.0, 1.4, 0.0)
DEPTH_M = ground_plane_depth(120, 160, CAMERA)
GREY = np.full((120, 160, 3), 128, np.uint8)


def unlit_seed():
    """A seed whose street has no lamps: nothing above the horizon is then brighter than the dark wall beside it."""
    return next(s for s in range(50) if apply_night(GREY, DEPTH_M, 0.5, s, camera=CAMERA)[:58].max() < 90)


def linear(srgb):
    value = np.asarray(srgb, float) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def test_the_less_light_the_darker_once_the_camera_is_at_its_limit():
    brightness = [apply_night(GREY, DEPTH_M, lux, 1, camera=CAMERA).mean() for lux in (1000, 30, 10, 3, 1)]
    assert brightness == sorted(brightness, reverse=True)
    assert brightness[-1] < brightness[0] / 2


def test_dusk_is_blue_and_as_bright_as_day_while_the_camera_can_expose_for_it():
    dusk = apply_night(GREY, DEPTH_M, 400.0, 1, camera=CAMERA)
    assert linear(dusk).mean() == pytest.approx(linear(GREY).mean(), rel=0.05)
    red, _, blue = dusk.reshape(-1, 3).mean(axis=0)
    assert blue > red + 15


def test_headlights_light_the_road_by_the_square_of_the_distance():
    seed = unlit_seed()
    light = np.mean([linear(apply_night(GREY, DEPTH_M, 1e-3, seed, camera=CAMERA, position_m=p)) for p in range(8)], 0)
    # 15 and 30 m ahead the road is in rows 74.4 and 67, both in the bright part of the beam.
    row_15, row_30 = light[73:76, 78:82, 1].mean(), light[66:69, 78:82, 1].mean()
    assert row_15 / row_30 == pytest.approx(4.0, rel=0.25)
    assert light[66:69, 78:82].mean() > 3 * light[66:69, :10].mean()


def test_a_white_wall_at_the_exposure_limit_shows_shot_noise_of_its_electrons():
    white = np.full((120, 160, 3), 255, np.uint8)
    far = np.full((120, 160), 400.0, np.float32)
    seed = unlit_seed()
    lux = FULL_EXPOSURE_LX / 8
    frames = [linear(apply_night(white, far, lux, seed, camera=CAMERA, position_m=p)) for p in range(40)]
    patch = np.stack(frames)[:, 20:50, 60:100, 1]
    mean, deviation = patch.mean(), patch.std(axis=0).mean()
    # 450 electrons make a white pixel at the limit; Poisson noise of what this one collects, and 3 of reading.
    electrons = mean * 450
    assert deviation == pytest.approx(np.sqrt(electrons + 9) / 450, rel=0.35)


def test_the_same_arguments_give_the_same_bytes_and_the_noise_moves_on():
    first = apply_night(GREY, DEPTH_M, 5.0, 1, camera=CAMERA)
    assert np.array_equal(first, apply_night(GREY, DEPTH_M, 5.0, 1, camera=CAMERA))
    assert not np.array_equal(first, apply_night(GREY, DEPTH_M, 5.0, 1, camera=CAMERA, position_m=1.0))
    assert not np.array_equal(first, apply_night(GREY, DEPTH_M, 5.0, 2, camera=CAMERA))


def test_time_changes_the_noise_of_a_standing_camera_and_leaves_its_lamps():
    def seen(**when):
        return apply_night(GREY, DEPTH_M, 20.0, 1, camera=CAMERA, **when).astype(float)

    def largest_change_of_a_region(image):
        return np.abs(cv2.blur(image - first, (31, 31))).max()

    first, later = seen(), seen(time_s=0.1)
    assert (first != later).mean() > 0.5
    assert largest_change_of_a_region(later) < 5.0
    assert largest_change_of_a_region(seen(position_m=10.0)) > 20.0


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("illuminance_lx = 0", {"illuminance_lx": 0.0}),
        ("illuminance_lx = nan", {"illuminance_lx": float("nan")}),
        ("illuminance_lx = 20000", {"illuminance_lx": 2e4}),
        ("seed = -1", {"seed": -1}),
        ("position_m = inf", {"position_m": float("inf")}),
        ("time_s = -1", {"time_s": -1.0}),
        ("time_s = nan", {"time_s": float("nan")}),
        ("camera of 32×16 px", {"camera": PinholeCamera(32, 16, 32.0, 1.4, 0.0)}),
    ],
)
def test_values_out_of_range_are_named(named, options):
    with pytest.raises(ConfigurationError, match=named):
        apply_night(GREY, DEPTH_M, **{"illuminance_lx": 10.0, "seed": 0, **options})
