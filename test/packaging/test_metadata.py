"""One version and one licence in every description; `pip install .` brings all that the command needs."""

import tomllib
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from setuptools import build_meta

import camseg_core

ROOT = Path(__file__).resolve().parents[2]
PACKAGE_XML = ElementTree.parse(ROOT / "package.xml").getroot()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that `pip install .` makes of this tree, built from a copy because building leaves traces."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "LICENSE", "camseg_core", "camseg_ros"):
        (source / name).symlink_to(ROOT / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(source)
        return zipfile.ZipFile(source / build_meta.build_wheel(str(source)))


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    return wheel.read(f"camseg_core-{camseg_core.__version__}.dist-info/{name}").decode()


def test_ros_package_has_the_version_of_the_core() -> None:
    assert PACKAGE_XML.findtext("version") == camseg_core.__version__


def test_ros_package_is_built_by_ament_cmake() -> None:
    assert PACKAGE_XML.findtext("export/build_type") == "ament_cmake"


def test_licence_is_the_same_everywhere() -> None:
    assert PACKAGE_XML.findtext("license") == "Apache-2.0"
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_wheel_has_the_version_of_the_core(wheel: zipfile.ZipFile) -> None:
    assert f"\nVersion: {camseg_core.__version__}\n" in metadata(wheel, "METADATA")


def test_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    assert "camseg = camseg_core.cli.main:main" in metadata(wheel, "entry_points.txt")


def test_wheel_holds_the_core_with_its_data_and_nothing_of_ros(wheel: zipfile.ZipFile) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "camseg_core").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == wanted


def test_direct_dependencies_are_pinned_exactly() -> None:
    pins = [
        line for line in (ROOT / "requirements" / "python.txt").read_text().splitlines() if not line.startswith("#")
    ]
    assert "torch==2.13.0" in pins
    assert all("==" in pin for pin in pins)

    pinned = {pin.partition("==")[0] for pin in pins}
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {dependency.partition(">=")[0] for dependency in dependencies} <= pinned
