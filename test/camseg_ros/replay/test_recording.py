"""What the processes of a replay leave for each other."""

import pytest

from camseg_core.errors import CamsegError, ConfigurationError
from camseg_ros.replay.node_counters import NodeCounters
from camseg_ros.replay.recording import JsonLines, Recording, read_json_lines


def test_lines_can_be_read_while_they_are_being_written(tmp_path):
    log = JsonLines(tmp_path / "a.jsonl")
    log.write(index=0, stamp_ns=2**62)
    log.write(index=1, stamp_ns=None)
    assert list(read_json_lines(tmp_path / "a.jsonl")) == [
        {"index": 0, "stamp_ns": 2**62},
        {"index": 1, "stamp_ns": None},
    ]
    log.close()


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"index": 0}\n{"ind')
    assert list(read_json_lines(tmp_path / "a.jsonl")) == [{"index": 0}]


def test_a_file_that_does_not_exist_yet_has_no_lines(tmp_path):
    assert list(read_json_lines(tmp_path / "a.jsonl")) == []


def test_a_recording_begins_without_anything_of_the_one_before(tmp_path):
    recording = Recording(tmp_path / "recording")
    recording.create()
    recording.mask(5).write_bytes(b"old")
    recording.recorder_ready.touch()
    recording.create()
    assert not recording.mask(5).exists()
    assert not recording.recorder_ready.exists()
    assert recording.mask(5).parent.is_dir()
    assert recording.overlay(5).parent.is_dir()


def test_a_recording_that_was_broken_off_anywhere_is_made_anew(tmp_path):
    recording = Recording(tmp_path / "recording")
    recording.create()
    for folder in (recording.mask(0).parent, recording.overlay(0).parent):
        folder.rmdir()
    (recording.folder / "clip").mkdir()
    recording.create()
    assert not (recording.folder / "clip").exists()
    assert recording.mask(5).parent.is_dir()


def test_a_recording_of_the_time_before_its_note_is_made_anew(tmp_path):
    recording = Recording(tmp_path)
    recording.make_folders()
    recording.parameters.touch()
    recording.mask(5).touch()
    recording.create()
    assert not recording.parameters.exists()
    assert not recording.mask(5).exists()


def test_only_what_is_in_the_folder_is_removed_not_what_it_leads_to(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "frame.png").touch()
    recording = Recording(tmp_path / "recording")
    recording.create()
    (recording.folder / "link").symlink_to(tmp_path / "elsewhere")
    recording.create()
    assert not (recording.folder / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "frame.png").exists()


@pytest.mark.parametrize("files", [["metadata.yaml", "drive_0.mcap"], ["parameters.yaml", "masks"], ["00.png"]])
def test_a_folder_that_others_made_is_left_as_it_is(tmp_path, files):
    folder = tmp_path / "recording"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("theirs")
    with pytest.raises(ConfigurationError) as told:
        Recording(folder).create()
    assert str(told.value) == (
        f"{folder} is there and no recording of camseg_demo, which would empty it; "
        "expected one, an empty folder or none: choose another --out"
    )
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(files, "theirs")


def test_a_file_in_the_place_of_the_folder_is_left_as_it_is(tmp_path):
    (tmp_path / "recording").write_text("theirs")
    with pytest.raises(ConfigurationError, match="recording is there and no recording of camseg_demo"):
        Recording(tmp_path / "recording").create()
    assert (tmp_path / "recording").read_text() == "theirs"


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "a.jsonl").symlink_to("/dev/full")
    log = JsonLines(tmp_path / "a.jsonl")
    with pytest.raises(
        CamsegError, match=r"a\.jsonl cannot be written: No space left on device; expected a folder with room"
    ):
        log.write(index=0)


def status(stamp_ns, **values):
    return {"stamp_ns": stamp_ns, "values": {key: str(value) for key, value in values.items()}}


def test_the_newest_counters_of_the_node_are_taken_from_among_other_diagnostics(tmp_path):
    log = JsonLines(tmp_path / "d.jsonl")
    assert NodeCounters.newest(tmp_path / "d.jsonl") is None
    log.write(**status(1, received=1, processed=0, dropped=0, failed=0))
    log.write(**status(2, received=9, processed=6, dropped=2, failed=1))
    log.write(**status(3, temperature=40))
    assert NodeCounters.newest(tmp_path / "d.jsonl") == NodeCounters(9, 6, 2, 1, stamp_ns=2)


def test_everything_is_answered_when_nothing_is_pending():
    assert NodeCounters(received=9, processed=6, dropped=2, failed=1, stamp_ns=0).all_answered()
    assert not NodeCounters(received=9, processed=5, dropped=2, failed=1, stamp_ns=0).all_answered()
