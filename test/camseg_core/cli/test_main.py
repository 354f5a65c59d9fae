"""How the command ends where something is in the way."""

import pytest

from camseg_core.cli.main import main

JUDGED = ("segmentation", "decoder", "int8")
MEASURED = ("inference", "cameras", "overlap", "reference")


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["camseg", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_a_place_that_cannot_be_written_is_one_line(monkeypatch, capsys, tmp_path):
    (tmp_path / "file").touch()
    assert run(monkeypatch, "render", "drive", "--frames", 1, "--out", tmp_path / "file" / "drive") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert str(tmp_path / "file") in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        ("train", "fast-decoder", "--root", "nowhere", "--model", "none", "--out", "file"),
        ("weather", "fit", "--root", "nowhere", "--model", "none", "--out", "folder"),
        ("drift", "fit", "--clear", "nowhere", "--model", "none", "--out", "folder"),
        ("drift", "eval", "--reference", "none", "--clear", "nowhere", "--json", "folder"),
        ("drift", "eval", "--reference", "none", "--clear", "nowhere", "--report", "file"),
        *(("eval", what, "--root", "nowhere", "--model", "none", "--json", "folder") for what in JUDGED),
        *(("bench", what, "--model", "none", "--json", "folder") for what in MEASURED),
        *(("bench", what, "--model", "none", "--report", "file/page.md") for what in MEASURED),
        ("bench", "overlap", "--model", "none", "--trace", "folder"),
        ("bench", "node", "--model", "none", "--out", "file/page"),
        ("bench", "reliability", "--model", "none", "--out", "file/page"),
        ("eval", "gallery", "--root", "nowhere", "--model", "none", "--out", "file/page.png"),
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(monkeypatch, capsys, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    # Neither model nor frames are there, which would be told first if they were looked for first.
    assert run(monkeypatch, *command) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {command[-1]}")
    assert ": cannot be written (" in error
    assert error.count("\n") == 1


def test_a_picture_of_no_known_format_is_refused_before_the_work(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, "eval", "gallery", "--root", tmp_path, "--out", tmp_path / "page.xyz") == 2
    assert "page.xyz ends in '.xyz'; expected one of .png, .jpg, .pdf" in capsys.readouterr().err
