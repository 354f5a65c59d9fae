"""A run that was killed goes on where it was, and never mixes with another."""

import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.journal import Journal

SETTINGS = {"seed": 0, "steps": (1, 2)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results" / "steps.partial"


def test_results_are_there_again(path):
    journal = Journal(path, SETTINGS)
    assert not path.exists()
    journal.add("0", {"counts": [[1, 2]]})
    journal.add("4", {"counts": [[3, 4]]})
    assert Journal(path, SETTINGS).results == {"0": {"counts": [[1, 2]]}, "4": {"counts": [[3, 4]]}}


def test_a_line_that_a_kill_cut_short_is_measured_again(path):
    journal = Journal(path, SETTINGS)
    journal.add("0", 1.5)
    journal.add("1", 2.5)
    for cut in range(1, len('["1", 2.5]\n') + 1):
        whole = path.read_text()
        path.write_text(whole[:-cut])
        resumed = Journal(path, SETTINGS)
        assert resumed.results == {"0": 1.5}
        resumed.add("1", 2.5)
        assert path.read_text() == whole


def test_a_first_line_that_was_cut_short_begins_anew(path):
    Journal(path, SETTINGS).add("0", 1.5)
    path.write_text(path.read_text()[:7])
    journal = Journal(path, SETTINGS)
    assert journal.results == {}
    journal.add("0", 1.5)
    assert Journal(path, SETTINGS).results == {"0": 1.5}


def test_other_settings_are_refused_by_name(path):
    Journal(path, SETTINGS).add("0", 1.5)
    with pytest.raises(ConfigurationError, match=r"steps.partial: was begun with other settings \(seed, weights\)"):
        Journal(path, {"seed": 1, "steps": [1, 2], "weights": "x"})


@pytest.mark.parametrize(
    "damage",
    [b"\x89PNG\n", b"garbage\n", b"3\n", b'{"seed": 0, "steps": [1, 2]}\n{"0"\n', b'{"seed": 0, "steps": [1, 2]}\n7\n'],
)
def test_a_file_that_no_run_wrote_is_named_and_stays(path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(
        ConfigurationError, match=r"steps\.partial: cannot be gone on with .*remove it, or choose another"
    ):
        Journal(path, SETTINGS)
    assert path.read_bytes() == damage


def test_it_goes_when_all_is_published(path):
    journal = Journal(path, SETTINGS)
    journal.add("0", 1.5)
    journal.remove()
    assert not path.exists()
