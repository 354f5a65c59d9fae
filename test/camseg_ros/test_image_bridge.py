"""cv_bridge is used where the real one is, and gives what our own reader gives."""

import sys
import types

import numpy as np
import pytest
from sensor_msgs.msg import Image

from camseg_core.errors import FrameError
from camseg_ros import image_bridge
from camseg_ros.image_bridge import cv_bridge, rgb_of, rgb_without_bridge

pytestmark = pytest.mark.ros

BYTES_OF_A_PIXEL = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono16": 2, "yuv422": 2, "yuv422_yuy2": 2}


def image(encoding: str, padding: int = 0) -> Image:
    """An image of random bytes."""
    row = 16 * BYTES_OF_A_PIXEL.get(encoding, 2 if encoding.endswith("16") else 1)
    data = np.random.default_rng(0).integers(0, 256, 12 * (row + padding), dtype=np.uint8).tobytes()
    return Image(height=12, width=16, encoding=encoding, step=row + padding, data=data)


@pytest.fixture
def fresh_lookup():
    cv_bridge.cache_clear()
    yield
    cv_bridge.cache_clear()


def test_real_cv_bridge_gives_the_same_pixels():
    if cv_bridge() is None:
        pytest.skip("no real cv_bridge: PyPI has none; an apt ROS 2 whose NumPy is the environment's has")
    for encoding in sorted(image_bridge._BRIDGED):
        for padding in (0, 4):
            message = image(encoding, padding)
            difference = np.abs(rgb_of(message).astype(int) - rgb_without_bridge(message)).max()
            # Where 16 bits are scaled to 8 the two may round differently.
            assert difference <= (1 if encoding.endswith("16") else 0), (encoding, padding)


class FakeBridge:
    """Answers as the real one does for a bgr8 image."""

    def imgmsg_to_cv2(self, message: Image, desired_encoding: str) -> np.ndarray:
        assert (message.encoding, desired_encoding) == ("bgr8", "rgb8")
        return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)[:, :, ::-1]


class BridgeWithoutItsCompiledPart:
    """As the one on PyPI: the first conversion of colours fails."""

    def imgmsg_to_cv2(self, message: Image, desired_encoding: str) -> np.ndarray:
        raise ModuleNotFoundError("cv_bridge.boost")


def test_a_bridge_that_converts_is_used_after_our_own_check_of_the_sizes(fresh_lookup, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv_bridge", types.SimpleNamespace(CvBridge=FakeBridge))
    assert isinstance(cv_bridge(), FakeBridge)
    np.testing.assert_array_equal(rgb_of(image("bgr8")), rgb_without_bridge(image("bgr8")))
    bad = image("bgr8")
    bad.height = 13
    with pytest.raises(FrameError, match="height 13"):
        rgb_of(bad)


@pytest.mark.parametrize(
    "package", [types.SimpleNamespace(CvBridge=BridgeWithoutItsCompiledPart), types.SimpleNamespace(), None]
)
def test_a_bridge_that_does_not_convert_counts_as_none(fresh_lookup, monkeypatch, package):
    monkeypatch.setitem(sys.modules, "cv_bridge", package)
    assert cv_bridge() is None
    np.testing.assert_array_equal(rgb_of(image("bgr8")), rgb_without_bridge(image("bgr8")))
