"""The RViz configuration shows topics that the node has, with a QoS that every publisher matches."""

from pathlib import Path

import pytest
import yaml
from ros_harness import OUTPUTS

pytestmark = pytest.mark.ros

CONFIG = Path(__file__).resolve().parents[2] / "config" / "camseg.rviz"


@pytest.fixture(scope="module")
def displays() -> list[dict]:
    return yaml.safe_load(CONFIG.read_text())["Visualization Manager"]["Displays"]


def test_camera_overlay_and_masks_are_shown(displays):
    topics = {display["Topic"]["Value"] for display in displays}
    images = {f"/camseg/{output}" for output in ("mask", "mask_color", "overlay")}
    assert topics == images | {"/camera/image_raw"}
    assert {topic.removeprefix("/camseg/") for topic in images} <= OUTPUTS.keys()


def test_displays_are_images_that_match_any_publisher(displays):
    for display in displays:
        assert display["Class"] == "rviz_default_plugins/Image"
        assert display["Topic"]["Reliability Policy"] == "Best Effort"
        assert display["Topic"]["Durability Policy"] == "Volatile"
