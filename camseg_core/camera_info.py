"""A camera's calibration for a picture scaled from the camera's; for rclpy's and rosbags' messages alike."""

from copy import deepcopy
from typing import Any

import numpy as np

from camseg_core.errors import FrameError


def scaled_camera_info(info: Any, image_size: tuple[int, int], size: tuple[int, int]) -> Any:
    """The calibration of a camera's images after scaling.

    Pixel centres have whole coordinates, as in OpenCV, and scaling keeps the edges of the image where they are:
    ``u' = s u + (s - 1) / 2``, which is applied to K and P. Distortion, in normalised coordinates, and R stay; so does
    binning, because sizes and regions of interest are those before it.

    Args:
        info: the camera's ``sensor_msgs/CameraInfo``.
        image_size: (height, width) of the camera's images, pixels.
        size: (height, width) that they are scaled to, pixels.

    Returns:
        A new message with the header of ``info``.

    Raises:
        FrameError: ``info`` is not of images of that size.
    """
    whole = (info.roi.height or info.height, info.roi.width or info.width)
    described = (whole[0] // max(info.binning_y, 1), whole[1] // max(info.binning_x, 1))
    if described != image_size:
        raise FrameError(
            f"camera info is of images of {described[0]}x{described[1]} (height x width);"
            f" expected {image_size[0]}x{image_size[1]}, the size of the image"
        )
    scaled = deepcopy(info)
    y, x = size[0] / image_size[0], size[1] / image_size[1]
    scaling = np.array([[x, 0.0, (x - 1.0) / 2.0], [0.0, y, (y - 1.0) / 2.0], [0.0, 0.0, 1.0]])
    scaled.k = (scaling @ np.reshape(info.k, (3, 3))).ravel()
    scaled.p = (scaling @ np.reshape(info.p, (3, 4))).ravel()
    scaled.height, scaled.width = round(info.height * y), round(info.width * x)
    scaled.roi.y_offset, scaled.roi.x_offset = round(info.roi.y_offset * y), round(info.roi.x_offset * x)
    scaled.roi.height, scaled.roi.width = round(info.roi.height * y), round(info.roi.width * x)
    return scaled
