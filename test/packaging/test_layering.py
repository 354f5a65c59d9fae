"""camseg_core runs without ROS and camseg_ros knows no tensor: the imports say so, wherever in a module they stand."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ROS_PACKAGES = {
    "ament_index_python",
    "builtin_interfaces",
    "camseg_ros",
    "cv_bridge",
    "diagnostic_msgs",
    "geometry_msgs",
    "launch",
    "launch_ros",
    "rcl_interfaces",
    "rclpy",
    "rosbag2_py",
    "sensor_msgs",
    "std_msgs",
}
TENSOR_PACKAGES = {"diffusers", "safetensors", "torch"}
SLOW_PACKAGES = {"diffusers", "scipy.stats", "sklearn", "torch"}


def imported_packages(path: Path) -> set[str]:
    """The top-level names that a module imports; relative imports stay inside its own package."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize(("package", "forbidden"), [("camseg_core", ROS_PACKAGES), ("camseg_ros", TENSOR_PACKAGES)])
def test_package_imports_nothing_of_the_other_side(package: str, forbidden: set[str]) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    offences = {
        str(path.relative_to(ROOT)): sorted(found) for path in modules if (found := imported_packages(path) & forbidden)
    }
    assert offences == {}


@pytest.mark.ros
def test_a_node_and_what_plays_to_it_load_no_model_before_they_are_there() -> None:
    replay = ("bag_player", "demo", "live", "live_recorder", "player", "recorder")
    modules = ["lifecycle_node", "segmentation_node", *(f"replay.{name}" for name in replay)]
    imports = ", ".join(f"camseg_ros.{module}" for module in modules)
    code = f"import sys, {imports}; print(*{SLOW_PACKAGES!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_imports_are_found_where_they_hide(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from . import rclpy\n\ndef f():\n    import sensor_msgs.msg as m\n    from torch.nn import GRU\n"
    )
    assert imported_packages(module) == {"sensor_msgs", "torch"}
