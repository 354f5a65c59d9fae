"""For pip alone: camseg_core and the `camseg` command, described in pyproject.toml. CMakeLists.txt builds the rest."""

from setuptools import setup

setup()
