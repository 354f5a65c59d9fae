import math

import numpy as np
import pytest

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.labels import CAMVID, CITYSCAPES
from camseg_core.rendering import Drive, PinholeCamera
from camseg_core.weather.depth import BACKDROP_M, assumed_camera, estimate_depth, ground_plane_depth

LEVEL = PinholeCamera(161, 121, focal_px=160.0, height_m=1.5, pitch_rad=0.0)
SKY, BUILDING, POLE, ROAD, TREE, SIGN, CAR = (
    CAMVID.names.index(name) for name in ("sky", "building", "pole", "road", "tree", "sign", "car")
)


def street():
    """Sky above row 60, the horizon of LEVEL, road below it."""
    labels = np.full((121, 161), SKY, np.uint8)
    labels[60:] = ROAD
    return labels


def distance_of_row(row):
    """Where the ray of the middle column in ``row`` meets the road: similar triangles."""
    return 1.5 * 160.0 / (row - 60)


@pytest.mark.parametrize("depth_m", [ground_plane_depth(121, 161, LEVEL), estimate_depth(street(), LEVEL)])
def test_the_road_is_a_plane_and_depth_is_along_the_ray(depth_m):
    for row in (70, 90, 120):
        z = distance_of_row(row)
        assert depth_m[row, 80] == pytest.approx(math.hypot(z, 1.5), rel=1e-5)
        aside = z * 20 / 160
        assert depth_m[row, 100] == pytest.approx(math.sqrt(z**2 + 1.5**2 + aside**2), rel=1e-5)
    assert depth_m.dtype == np.float32
    assert depth_m.shape == (121, 161)


def test_a_camera_that_looks_down_sees_the_road_where_geometry_says():
    camera = PinholeCamera(161, 121, 160.0, 1.5, pitch_rad=-0.1)
    depth_m = ground_plane_depth(121, 161, camera)
    # The middle ray falls 0.1 rad below the horizontal.
    assert depth_m[60, 80] == pytest.approx(1.5 / math.sin(0.1), rel=1e-5)


def test_the_plain_street_has_walls_beside_it_and_a_sky_above_them():
    depth_m = ground_plane_depth(121, 161, LEVEL, street_half_width_m=10.0, structure_height_m=8.0)
    # Column 120 looks 40/160 to the side and meets the wall at z = 40 m, where 6.5 m above the camera is row 60 - 26.
    assert depth_m[60, 120] == pytest.approx(math.hypot(40.0, 10.0), rel=1e-5)
    assert np.isfinite(depth_m[35, 120])
    assert np.isinf(depth_m[33, 120])
    assert depth_m[60, 80] == pytest.approx(BACKDROP_M)
    assert np.isfinite(ground_plane_depth(121, 161, LEVEL, structure_height_m=math.inf)).all()


def test_sky_is_endlessly_far_and_nothing_else_is():
    labels = street()
    labels[20:60, 100:140] = BUILDING
    np.testing.assert_array_equal(np.isinf(estimate_depth(labels, LEVEL)), labels == SKY)


def test_a_thing_is_as_far_as_its_foot_from_top_to_bottom():
    labels = street()
    labels[50:75, 70:91] = CAR
    depth_m = estimate_depth(labels, LEVEL)
    z = distance_of_row(74)
    rays = LEVEL.ray_lengths()[50:75, 70:91]
    np.testing.assert_allclose(depth_m[50:75, 70:91], z * rays, rtol=1e-5)


def test_a_wall_goes_on_behind_what_hides_its_foot():
    labels = street()
    # A wall along the road: its foot runs from row 120 at the right edge to row 70 nearer to the middle.
    feet = {column: 70 + round((column - 110) * 50 / 50) for column in range(110, 161)}
    for column, foot in feet.items():
        labels[10 : foot + 1, column] = BUILDING
    whole = estimate_depth(labels, LEVEL)
    hidden = labels.copy()
    hidden[60:116, 130:141] = CAR
    depth_m = estimate_depth(hidden, LEVEL)
    np.testing.assert_allclose(depth_m[10:60, 130:141], whole[10:60, 130:141], rtol=0.1)
    assert (depth_m[60:90, 130:141] < whole[60:90, 130:141]).all()


def test_a_tree_behind_a_fence_is_no_nearer_than_the_fence_and_not_at_the_skyline():
    labels = street()
    labels[55:81] = CAMVID.names.index("fence")
    labels[5:55, 40:120] = TREE
    depth_m = estimate_depth(labels, LEVEL)
    fence = distance_of_row(80) * LEVEL.ray_lengths()[5:55, 40:120]
    np.testing.assert_allclose(depth_m[5:55, 40:120], fence, rtol=1e-4)


def test_a_sign_has_the_distance_of_its_pole():
    labels = street()
    labels[40:81, 80:82] = POLE
    labels[30:40, 75:87] = SIGN
    depth_m = estimate_depth(labels, LEVEL)
    assert depth_m[35, 80] == pytest.approx(distance_of_row(80) * LEVEL.ray_lengths()[35, 80], rel=1e-5)


def test_classes_are_known_by_name_in_every_label_set():
    labels = np.full((121, 161), CITYSCAPES.names.index("sky"), np.uint8)
    labels[60:] = CITYSCAPES.names.index("road")
    np.testing.assert_array_equal(estimate_depth(labels, LEVEL, CITYSCAPES), estimate_depth(street(), LEVEL))


def test_the_assumed_camera_looks_down_where_road_lies_above_the_middle():
    labels = street()
    assert assumed_camera(161, 121).pitch_rad == 0.0
    assert assumed_camera(161, 121, labels).pitch_rad == pytest.approx(0.0, abs=0.01)
    labels[40:] = ROAD
    assert assumed_camera(161, 121, labels).horizon_row == pytest.approx(40 - 1.21)


@pytest.mark.parametrize("seed", [3, 4])
def test_estimated_depth_is_near_the_true_one_of_a_rendered_street(seed):
    drive = Drive(seed, 240, 180)
    frame = drive.frame(5.0)
    depth_m = estimate_depth(frame.labels, drive.camera)
    solid = np.isfinite(frame.depth_m)
    error = np.abs(np.log(depth_m[solid] / frame.depth_m[solid]))
    assert np.median(error) < 0.05
    assert (error < 0.25).mean() > 0.65


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (np.zeros((4, 5, 3), np.uint8), r"\(4, 5, 3\)"),
        (np.zeros((4, 5), np.int64), "int64"),
        (np.full((4, 5), 30, np.uint8), "label 30; expected 0 to 10 of camvid"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, named):
    with pytest.raises(FrameError, match=named):
        estimate_depth(labels)


def test_a_camera_of_another_size_is_refused():
    with pytest.raises(ConfigurationError, match="161×121 px for an image of 160×120 px"):
        ground_plane_depth(120, 160, LEVEL)


@pytest.mark.parametrize("name", ["street_half_width_m", "structure_height_m"])
def test_a_street_of_no_size_is_refused(name):
    with pytest.raises(ConfigurationError, match=f"{name} = 0"):
        ground_plane_depth(120, 160, **{name: 0.0})
