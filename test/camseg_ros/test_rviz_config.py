"""The RViz configuration shows topics that the node has, with a QoS that every publisher matches."""

from pathlib import Path

import pytest
import yaml
from sensor_msgs.msg import Image

from camseg_ros.publication import OUTPUT_TYPES

pytestmark = pytest.mark.ros

CONFIG = Path(__file__).resolve().parents[2] / "config" / "camseg.rviz"


@pytest.fixture(scope="module")
def displays() -> list[dict]:
    return yaml.safe_load(CONFIG.read_text())["Visualization Manager"]["Displays"]


def test_the_camera_and_every_picture_of_the_node_are_shown(displays):
    topics = {display["Topic"]["Value"] for display in displays}
    pictures = {f"/camseg/{output}" for output, kind in OUTPUT_TYPES.items() if kind is Image}
    assert topics == pictures | {"/camera/image_raw"}


def test_displays_are_images_that_match_any_publisher(displays):
    for display in displays:
        assert display["Class"] == "rviz_default_plugins/Image"
        assert display["Topic"]["Reliability Policy"] == "Best Effort"
        assert display["Topic"]["Durability Policy"] == "Volatile"
