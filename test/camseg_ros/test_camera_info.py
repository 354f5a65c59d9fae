"""The calibration of a scaled picture projects a point to where the scaling takes its pixel."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from camseg_core.camera_info import scaled_camera_info
from camseg_core.errors import FrameError

pytestmark = pytest.mark.ros

FX, FY, CX, CY, BASELINE_M = 800.0, 820.0, 639.5, 355.0, 0.12


def calibration(**fields: object) -> CameraInfo:
    info = CameraInfo(height=720, width=1280, distortion_model="plumb_bob", d=[0.1, -0.2, 0.0, 0.0, 0.05])
    info.k = np.array([FX, 0, CX, 0, FY, CY, 0, 0, 1], dtype=float)
    info.p = np.array([FX, 0, CX, -FX * BASELINE_M, 0, FY, CY, 0, 0, 0, 1, 0], dtype=float)
    for name, value in fields.items():
        setattr(info, name, value)
    return info


def project(p: np.ndarray, point: np.ndarray) -> np.ndarray:
    u, v, w = np.reshape(p, (3, 4)) @ np.append(point, 1.0)
    return np.array([u / w, v / w])


def test_a_point_lands_on_the_same_place_of_the_scaled_picture():
    info = calibration()
    scaled = scaled_camera_info(info, (720, 1280), (360, 480))
    assert (scaled.height, scaled.width) == (360, 480)
    point = np.array([1.5, -0.7, 8.0])
    # As shares of the picture, whose edges lie half a pixel outside the outermost centres.
    place = (project(info.p, point) + 0.5) / (1280, 720)
    np.testing.assert_allclose((project(scaled.p, point) + 0.5) / (480, 360), place, rtol=1e-12)
    np.testing.assert_allclose(scaled.p[3] / scaled.p[0], -BASELINE_M)
    np.testing.assert_allclose(np.reshape(scaled.k, (3, 3)), np.reshape(scaled.p, (3, 4))[:, :3])
    assert (scaled.d, scaled.distortion_model) == (info.d, "plumb_bob")


def test_at_the_cameras_size_nothing_changes_and_the_cameras_message_stays_as_it_is():
    info = calibration()
    assert scaled_camera_info(info, (720, 1280), (720, 1280)) == info == calibration()
    scaled_camera_info(info, (720, 1280), (360, 480))
    assert info == calibration()


def test_region_and_binning_are_those_of_the_scaled_whole():
    roi = RegionOfInterest(x_offset=200, y_offset=100, width=640, height=400)
    info = calibration(roi=roi, binning_x=2, binning_y=2)
    scaled = scaled_camera_info(info, (200, 320), (100, 160))
    assert (scaled.height, scaled.width, scaled.binning_x) == (360, 640, 2)
    assert scaled.roi == RegionOfInterest(x_offset=100, y_offset=50, width=320, height=200)


def test_an_uncalibrated_camera_stays_uncalibrated():
    scaled = scaled_camera_info(CameraInfo(height=4, width=6), (4, 6), (2, 3))
    assert not np.any(scaled.k)
    assert not np.any(scaled.p)


def test_calibration_of_another_size_is_refused():
    with pytest.raises(FrameError, match=r"720x1280.*expected 480x640"):
        scaled_camera_info(calibration(), (480, 640), (360, 480))
