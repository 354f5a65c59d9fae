"""What all tests of replays share; replay_bags holds the bags and the engine."""

import sys
from pathlib import Path

import pytest

from camseg_core.replay.settings import ReplaySettings
from camseg_core.runtime.settings import EngineSettings

# pytest's importlib mode puts no folder on the path, but the tests here share replay_bags.
sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def settings(tmp_path):
    """Of a model folder that FakeEngine does not read."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return ReplaySettings(engine=EngineSettings(model=str(folder), device="cpu"))
