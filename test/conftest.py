"""What all tests share: data beside the repository, and skips with a reason where a machine lacks something."""

import importlib.util
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The CamVid frames and labels, which are not part of the repository."""
    root = ROOT.parent / "shared" / "camvid"
    if not root.is_dir():
        pytest.skip(f"no CamVid at {root}")
    return root


def why_no_ros() -> str | None:
    """What a test with ROS lacks here, or None."""
    if importlib.util.find_spec("rclpy") is None:
        return "rclpy is not installed: run `make test`"
    if importlib.util.find_spec("camseg_ros.msg") is None:
        return "camseg_ros.msg is not built or not on the path: run `make test`, or source tools/environment.sh"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {"ros": why_no_ros(), "cuda": None if torch.cuda.is_available() else "no CUDA GPU"}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
