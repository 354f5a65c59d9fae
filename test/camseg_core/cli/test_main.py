"""How the command ends where something is in the way."""

import pytest

from camseg_core.cli.main import main


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


def test_a_picture_of_no_known_format_is_refused_before_the_work(monkeypatch, capsys, tmp_path):
    assert run(monkeypatch, "eval", "gallery", "--root", tmp_path, "--out", tmp_path / "page.xyz") == 2
    assert "page.xyz ends in '.xyz'; expected one of .png, .jpg, .pdf" in capsys.readouterr().err
