"""What the experiments' tests share: a folder of labelled images."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from camseg_core.cli.main import app


@pytest.fixture(scope="session")
def labelled_root(tmp_path_factory) -> Path:
    """Two frames of a rendered drive with their labels, as the dataset ``folder`` takes them: split val."""
    root = tmp_path_factory.mktemp("labelled")
    options = ["--seed", "3", "--frames", "2", "--width", "64", "--height", "48", "--out", str(root / "val")]
    result = CliRunner().invoke(app, ["render", "drive", *options])
    assert result.exit_code == 0, result.output
    return root
