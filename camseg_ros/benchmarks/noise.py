"""Images of noise, as a camera would send them; loads no torch, because processes of cameras start often."""

import numpy as np
from std_msgs.msg import Header

from camseg_ros.conversion import serialized_image, time_message

FRAME_ID = "camera"


def random_image(height: int, width: int, seed: int) -> np.ndarray:
    """(height, width, 3) uint8 noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def stamped_image(pixels: np.ndarray, time_ns: int, encoding: str = "rgb8") -> bytes:
    """``sensor_msgs/Image``, serialised."""
    return serialized_image(pixels, encoding, Header(stamp=time_message(time_ns), frame_id=FRAME_ID))
