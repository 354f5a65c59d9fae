import math

import numpy as np
import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.rendering import PinholeCamera


def camera(**changes):
    return PinholeCamera(
        **{"width_px": 480, "height_px": 360, "focal_px": 450.0, "height_m": 1.4, "pitch_rad": 0.02, **changes}
    )


def test_distance_of_a_row_is_height_over_the_tangent_of_its_angle_below_the_horizontal():
    cam = camera()
    inverse_z, ahead = cam.ground_rows()
    for row in (200, 250, 300, 359):
        angle = math.atan((row - 179.5) / 450.0) - 0.02
        assert ahead[row] == pytest.approx(1.4 / math.tan(angle), rel=1e-6)
        depth = 1.4 / math.sin(angle) * math.cos(math.atan((row - 179.5) / 450.0))
        assert 1 / inverse_z[row] == pytest.approx(depth, rel=1e-6)


def test_no_ground_above_the_horizon():
    cam = camera()
    inverse_z, ahead = cam.ground_rows()
    above = np.arange(360) < cam.horizon_row
    assert (inverse_z[above] == 0).all()
    assert np.isinf(ahead[above]).all()
    assert (inverse_z[~above] > 0).all()


def test_points_on_the_road_project_into_the_row_they_are_seen_in():
    cam = camera()
    row = 300
    x, y, z = cam.from_road(cam.ground_rows()[1][row], 2.0, 0.0)
    assert y / z * 450.0 + 179.5 == pytest.approx(row, abs=1e-4)
    assert x == 2.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width_px", 8),
        ("height_px", 9000),
        ("focal_px", 0.0),
        ("height_m", -1.0),
        ("focal_px", math.nan),
        ("pitch_rad", 0.6),
    ],
)
def test_values_out_of_range_are_named(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} = {value}"):
        camera(**{name: value})
