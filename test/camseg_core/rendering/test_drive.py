import math

import numpy as np
import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.rendering import Drive, PinholeCamera

CAMERA = PinholeCamera(240, 180, 225.0, 1.4, 0.01)
POLE, ROAD, SKY = (CAMVID.names.index(name) for name in ("pole", "road", "sky"))


@pytest.fixture(scope="module")
def drive():
    return Drive(7, 240, 180, camera=CAMERA)


@pytest.fixture(scope="module")
def frames(drive):
    return [drive.frame(time_s) for time_s in np.arange(0, 60, 3.0)]


def test_frames_have_the_promised_shapes_and_types(drive):
    frame = drive.frame(1.0)
    assert (frame.image.shape, frame.image.dtype) == ((180, 240, 3), np.uint8)
    assert (frame.labels.shape, frame.labels.dtype) == ((180, 240), np.uint8)
    assert (frame.depth_m.shape, frame.depth_m.dtype) == ((180, 240), np.float32)


def test_same_seed_and_time_give_the_same_bytes_in_any_order(drive):
    times = [0.0, 12.4, 3.2, 55.0]
    forth = {time_s: drive.frame(time_s) for time_s in times}
    other = Drive(7, 240, 180, camera=CAMERA)
    for time_s in reversed(times):
        frame = other.frame(time_s)
        for name in ("image", "labels", "depth_m"):
            assert getattr(frame, name).tobytes() == getattr(forth[time_s], name).tobytes()


def test_another_seed_is_another_street(drive):
    assert (Drive(8, 240, 180, camera=CAMERA).frame(0.0).labels != drive.frame(0.0).labels).mean() > 0.1


def test_road_is_at_the_range_of_the_flat_ground(frames):
    row, column = np.mgrid[:180, :240]
    slope_x, slope_y = (column - 119.5) / 225.0, (row - 89.5) / 225.0
    ray = np.sqrt(1 + slope_x**2 + slope_y**2)
    # Height lost for each metre along the ray, for a camera pitched up by 0.01.
    down = (slope_y * math.cos(0.01) - math.sin(0.01)) / ray
    checked = 0
    for frame in frames:
        road = frame.labels == ROAD
        checked += road.sum()
        np.testing.assert_allclose(frame.depth_m[road], 1.4 / down[road], rtol=1e-4)
    assert checked > 10_000


def test_sky_and_only_sky_is_infinitely_far(frames):
    for frame in frames:
        assert np.array_equal(np.isinf(frame.depth_m), frame.labels == SKY)
        assert np.nanmin(frame.depth_m) > 0


def test_nothing_stands_behind_the_ground_it_hides(frames):
    """Below the horizon every pixel is at most as far as the flat ground there."""
    inverse_z, _ = CAMERA.ground_rows()
    below = inverse_z > 0
    limit = CAMERA.ray_lengths()[below] / inverse_z[below, None]
    for frame in frames:
        assert (frame.depth_m[below] <= limit * 1.0001).all()


def test_every_pixel_has_a_class_and_every_class_appears(frames):
    labels = np.stack([frame.labels for frame in frames])
    assert set(np.unique(labels)) == set(range(len(CAMVID)))


def test_the_vehicle_moves_eight_metres_a_second(drive):
    """Posts stand still, so a quarter of a second later each of them is 2 m nearer."""
    lengths = CAMERA.ray_lengths()

    def posts(time_s):
        frame = drive.frame(time_s)
        return np.unique(np.round((frame.depth_m / lengths)[frame.labels == POLE], 3))

    before, after = np.concatenate([posts(t) for t in (5.0, 20.0)]), np.concatenate([posts(t) for t in (5.25, 20.25)])
    near = before[(before > 8) & (before < 50)]
    assert len(near) >= 5

    def share_found(shift_m):
        return np.mean([np.abs(after - (z - shift_m)).min() < 0.08 for z in near])

    assert share_found(2.0) > 0.8
    assert share_found(1.0) < 0.5


def test_pictures_change_smoothly_with_time(drive):
    first, later, much_later = (drive.frame(time_s) for time_s in (10.0, 10.02, 14.0))
    moved = (first.labels != later.labels).mean()
    assert 0 < moved < 0.06
    assert moved < (first.labels != much_later.labels).mean()


def test_ground_at_the_very_end_of_the_rendered_stretch_has_a_class():
    # In this frame the farthest ground lies in the stretch's last half metre.
    assert Drive(seed=102).frame(21.0).labels.shape == (360, 480)


def test_without_a_camera_the_seed_chooses_one():
    heights = {Drive(seed, 64, 48).camera.height_m for seed in range(4)}
    assert len(heights) == 4
    assert all(1.2 <= height <= 1.6 for height in heights)


@pytest.mark.parametrize(
    ("named", "make"),
    [
        ("seed = -1", lambda: Drive(-1)),
        ("width_px = 4", lambda: Drive(0, 4, 360)),
        ("same size", lambda: Drive(0, 480, 360, camera=CAMERA)),
        ("time_s = -0.5", lambda: Drive(0, 64, 48).frame(-0.5)),
        ("time_s = nan", lambda: Drive(0, 64, 48).frame(math.nan)),
    ],
)
def test_values_out_of_range_are_named(named, make):
    with pytest.raises(ConfigurationError, match=named):
        make()
