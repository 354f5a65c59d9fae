"""Pixels of ``sensor_msgs/Image`` through the machine's cv_bridge where the real one is there, else by our own reader.

On PyPI a package of the same name holds ROS 1's Python part without its compiled one, which does all conversions; and
an apt cv_bridge does not load beside a newer NumPy than it was built with. Neither counts as the real one.
"""

import functools
from typing import Any

import numpy as np
from sensor_msgs.msg import Image

from camseg_core.runtime.pixel_formats import check_image, to_rgb

_BAYER = (f"bayer_{pattern}{bits}" for pattern in ("rggb", "bggr", "gbrg", "grbg") for bits in (8, 16))
_BRIDGED = frozenset(("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16", "yuv422", "yuv422_yuy2", *_BAYER))
"""Encodings that every cv_bridge of ROS 2 Jazzy and later turns into rgb8."""


def rgb_of(message: Any) -> np.ndarray:
    """The image as (height, width, 3) uint8 RGB; raises FrameError where its fields contradict each other.

    ``message`` has the fields of ``sensor_msgs/Image``; it may be rclpy's or rosbags'.
    """
    bridge = cv_bridge()
    if bridge is None or message.encoding not in _BRIDGED:
        return rgb_without_bridge(message)
    # cv_bridge trusts the sizes in the message.
    check_image(message.encoding, message.height, message.width, message.step, message.data)
    return bridge.imgmsg_to_cv2(message, desired_encoding="rgb8")


def rgb_without_bridge(message: Any) -> np.ndarray:
    """As ``rgb_of``, by our own reader."""
    return to_rgb(
        message.encoding,
        message.height,
        message.width,
        message.step,
        message.data,
        is_bigendian=bool(message.is_bigendian),
    )


@functools.cache
def cv_bridge() -> Any | None:
    """The machine's ``CvBridge``, proven by a conversion; None where there is no real one."""
    try:
        from cv_bridge import CvBridge

        bridge = CvBridge()
        pixel = Image(height=1, width=1, encoding="bgr8", step=3, data=[1, 2, 3])
        works = bridge.imgmsg_to_cv2(pixel, desired_encoding="rgb8").tolist() == [[[3, 2, 1]]]
    except Exception:  # whatever a half-installed package raises, there is no cv_bridge then
        return None
    return bridge if works else None
