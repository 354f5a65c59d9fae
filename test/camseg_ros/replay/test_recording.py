"""What the processes of a replay leave for each other."""

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
