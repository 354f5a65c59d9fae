"""The page says what was reached, missed and not measured, and nothing else."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from camseg_core.benchmarks.page import AIMS, page
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.cli.main import app
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table


def save_record(path: Path, kind: str, command: str = "camseg bench", **figures: object) -> None:
    provenance = Provenance(command, 0, "noise", {"m": "0123"}, "a machine", {"torch": "2"}, "2026-11-21")
    BenchmarkRecord(
        kind, f"Title of {path.stem}", "What it is.", (Table("", ("a",), ((1.0,),)),), figures, provenance
    ).save(path)


def cells_of(text: str, beginning: str) -> list[list[str]]:
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(f"| {beginning}")]
    assert rows
    return [[cell.strip() for cell in row] for row in rows]


def on_cpu(frames_per_s: float) -> dict[str, object]:
    return {
        "model_id": "camseg-small", "device": "cpu", "batch": 1, "decoder": "full", "frames_per_s": frames_per_s,
        "torch_compile": False, "int8": False,
    }  # fmt: skip


def test_without_records_every_aim_is_open(tmp_path):
    text = page(tmp_path)
    assert text.count("open: not measured") == len(AIMS)
    assert "The rows about a GPU are open" in text


@pytest.mark.parametrize(("frames_per_s", "verdict"), [(8.0, "met"), (7.9, "missed")])
def test_a_figure_is_held_against_its_aim(tmp_path, frames_per_s, verdict):
    save_record(tmp_path / "a.json", "inference", **on_cpu(frames_per_s))
    text = page(tmp_path)
    assert cells_of(text, "camseg-small, 360×480, two CPU cores")[0][2:] == [f"{frames_per_s:.4g}", verdict]
    assert text.count("open: not measured") == len(AIMS) - 1
    assert "## Title of a" in text


def test_a_figure_of_another_device_or_batch_does_not_count(tmp_path):
    save_record(tmp_path / "a.json", "inference", **on_cpu(50.0) | {"batch": 3})
    assert page(tmp_path).count("open: not measured") == len(AIMS)


def test_a_figure_in_int8_counts_for_its_own_row_alone(tmp_path):
    save_record(tmp_path / "a.json", "inference", **on_cpu(20.0) | {"int8": True})
    text = page(tmp_path)
    assert cells_of(text, "camseg-small, 360×480, two CPU cores")[0][2:] == ["", "open: not measured"]
    assert cells_of(text, "the same, full decoder, int8")[0][2:] == ["20", "met"]


def test_gpu_rows_are_not_called_open_once_one_was_measured(tmp_path):
    save_record(tmp_path / "a.json", "overlap", model_id="camseg-base", device="cuda", ratio=1.4)
    text = page(tmp_path)
    assert "The rows about a GPU are open" not in text


def test_figures_by_torch_compile_and_without_have_rows_of_their_own(tmp_path):
    figures = {"model_id": "camseg-small", "device": "cuda"}
    save_record(tmp_path / "a.json", "overlap", "camseg bench overlap --compile", pipelined_frames_per_s=500, **figures)
    save_record(tmp_path / "b.json", "overlap", "camseg bench overlap", pipelined_frames_per_s=390, **figures)
    text = page(tmp_path)
    assert cells_of(text, "camseg-small, 360×480, GPU, torch_compile")[0][2:] == ["500", "met"]
    assert cells_of(text, "camseg-small, 360×480, GPU, no torch_compile")[0][2:] == ["390", "missed"]


def test_notes_stand_between_aims_and_records(tmp_path):
    save_record(tmp_path / "a.json", "inference", **on_cpu(9.0))
    (tmp_path / "notes.md").write_text("What was tried.\n")
    text = page(tmp_path)
    assert text.index("| aim |") < text.index("What was tried.") < text.index("## Title of a")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="none: no such folder"):
        page(tmp_path / "none")


def test_command_writes_the_page(tmp_path):
    result = CliRunner().invoke(app, ["bench", "page", str(tmp_path), "--out", str(tmp_path / "page.md")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "page.md").read_text() == page(tmp_path)
