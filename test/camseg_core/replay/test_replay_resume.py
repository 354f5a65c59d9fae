"""A replay that was killed, wherever, and started again leaves what one leaves that was not."""

import dataclasses
import functools
import os
import pickle
import random
import resource
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from cv2 import imwrite
from replay_bags import FakeEngine, contents, counting_detector, drive, frame_pixels, image_message, stamp_of, write_bag

import camseg_core.replay
from camseg_core.errors import CamsegError
from camseg_core.frames import DriftState
from camseg_core.labels import CAMVID
from camseg_core.replay.inference import infer_images
from camseg_core.replay.journal import Journal
from camseg_core.replay.replay import Replay
from camseg_core.replay.settings import ReplaySettings
from camseg_core.replay.snapshot import freeze, thaw
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings

SCORES = [10, 20, 120, 220, 130, 15, 150, 20]
SOURCES = str(Path(camseg_core.replay.__file__).parent)


def replay(bag, out, settings, engine=None):
    engine = engine or FakeEngine()
    infer = functools.partial(infer_images, engine, commit_period_s=0.0)
    return Replay(bag, out, settings).run(infer, CAMVID, "cpu")


def in_child(work):
    """Runs ``work`` in a fork of this process; returns how it ended, as ``os.waitstatus_to_exitcode`` says."""
    pid = os.fork()
    if not pid:
        with open(os.devnull, "w") as devnull:
            os.dup2(devnull.fileno(), 2)
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def at_line(number, action):
    """A tracer that calls ``action`` before the given line, counted over all of the package that run."""
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        if event == "line":
            lines += 1
            if lines == number:
                action()
        return trace

    trace.lines = lambda: lines
    return trace


def traced(trace, work):
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)


def test_killed_at_any_moment_and_started_again_it_leaves_the_same(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    counter = at_line(0, lambda: None)
    traced(counter, lambda: replay(bag, tmp_path / "whole", settings))
    expected = contents(tmp_path / "whole" / "drive")
    moments = random.Random(0)
    resumed = 0
    for trial in range(6):
        out = tmp_path / str(trial)
        kill = at_line(moments.randint(1, counter.lines()), lambda: os.kill(os.getpid(), signal.SIGKILL))
        killed = functools.partial(traced, kill, functools.partial(replay, bag, out, settings))
        assert in_child(killed) == -signal.SIGKILL
        engine = FakeEngine()
        replay(bag, out, settings, engine)
        assert contents(out / "drive") == expected
        assert not (out / "drive.unfinished").exists()
        resumed += engine.inferred < len(SCORES)
    # The moments reach well into the work: what was done before the kill is not done again.
    assert resumed >= 3


def test_ctrl_c_and_on_again_with_several_cameras(tmp_path, settings):
    messages = [
        (topic, image_message(frame_pixels(index, score), stamp_of(index) + place))
        for index, score in enumerate(SCORES)
        for place, topic in enumerate(("/front/image_raw", "/rear/image_raw"))
    ]
    bag = write_bag(tmp_path / "drive", messages)
    replay(bag, tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, FakeEngine(fail_at=7))
    assert not (tmp_path / "out" / "drive").exists()
    engine = FakeEngine()
    replay(bag, tmp_path / "out", settings, engine)
    assert engine.inferred == len(messages) - 7
    assert contents(tmp_path / "out" / "drive") == contents(tmp_path / "whole" / "drive")


def test_the_real_engine_goes_on_with_the_state_of_its_detectors(tmp_path, tiny_model):
    settings = ReplaySettings(engine=EngineSettings(model=str(tiny_model), device="cpu"))
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (24, 32, 3), dtype=np.uint8) for _ in range(3)]
    frames += [np.full((24, 32, 3), 200, np.uint8)] * 3 + frames[:2]
    bag = write_bag(
        tmp_path / "drive", [("/camera/image_raw", image_message(f, stamp_of(n))) for n, f in enumerate(frames)]
    )
    replay(bag, tmp_path / "whole", settings, InferenceEngine(settings.engine))

    engine = InferenceEngine(settings.engine)
    infer, count = engine.infer, iter(range(len(frames)))

    def failing(frame, with_confidence):
        if next(count) == 5:
            raise KeyboardInterrupt
        return infer(frame)

    engine.infer = failing
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, engine)
    # The same engine, which has seen other frames since.
    engine.infer = infer
    replay(bag, tmp_path / "out", settings, engine)
    assert contents(tmp_path / "out" / "drive") == contents(tmp_path / "whole" / "drive")


def test_an_unfinished_replay_is_not_mixed_with_another(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, FakeEngine(fail_at=3))
    os.utime(next(bag.glob("*.mcap")), (time.time(), 1.0))
    with pytest.raises(CamsegError, match=r"unfinished replay with .*drive\.mcap .* now .*--overwrite"):
        replay(bag, tmp_path / "out", settings)
    Replay(bag, tmp_path / "out", settings).discard()
    assert replay(bag, tmp_path / "out", settings).frames == len(SCORES)


def test_what_was_inferred_is_kept_for_other_outputs_and_another_storage(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, FakeEngine(fail_at=3))
    other = dataclasses.replace(settings, outputs=("mask", "overlay"), storage="sqlite3")
    engine = FakeEngine()
    replay(bag, tmp_path / "out", other, engine)
    assert engine.inferred == len(SCORES) - 3
    replay(bag, tmp_path / "whole", other)
    assert contents(tmp_path / "out" / "drive") == contents(tmp_path / "whole" / "drive")


def test_what_was_inferred_without_confidence_does_not_do_for_outputs_that_need_it(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, FakeEngine(fail_at=3))
    with pytest.raises(CamsegError, match="unfinished replay with confidence False, now True; expected the same"):
        replay(bag, tmp_path / "out", dataclasses.replace(settings, outputs=("mask", "confidence")))


@pytest.mark.parametrize("place", ["labels", "drive/labels"], ids=["elsewhere", "in the bag's folder"])
def test_what_was_inferred_outlives_a_wrong_label(tmp_path, settings, place):
    bag = drive(tmp_path / "drive", SCORES)
    folder = tmp_path / place
    folder.mkdir()
    settings = dataclasses.replace(settings, labels=folder)
    label = str(folder / f"{stamp_of(2)}.png")
    imwrite(label, frame_pixels(2)[:-1, :, 0])
    with pytest.raises(CamsegError, match=r"labels are \(23, 32\)"):
        replay(bag, tmp_path / "out", settings)
    imwrite(label, frame_pixels(2)[..., 0])
    engine = FakeEngine()
    assert replay(bag, tmp_path / "out", settings, engine).segmentation.global_accuracy == 1.0
    assert engine.inferred == 0


def test_an_end_while_results_are_discarded_leaves_nothing_in_the_way(tmp_path, settings, monkeypatch):
    bag = drive(tmp_path / "drive", SCORES)
    replay(bag, tmp_path / "out", settings)

    def killed(folder):
        (folder / "results" / "summary.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("camseg_core.replay.replay.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            Replay(bag, tmp_path / "out", settings).discard()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["drive.unfinished"]
    Replay(bag, tmp_path / "out", settings).check_discard()
    assert replay(bag, tmp_path / "out", settings).frames == len(SCORES)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["drive"]


def test_a_second_replay_into_the_same_folder_is_an_error(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    (tmp_path / "out" / "drive.unfinished").mkdir(parents=True)
    with Journal(tmp_path / "out" / "drive.unfinished" / "journal.sqlite3", {}), pytest.raises(CamsegError) as caught:
        replay(bag, tmp_path / "out", settings)
    assert "is in use; expected no other replay" in str(caught.value)


@pytest.mark.parametrize(
    ("storage", "limit_bytes"), [("mcap", 50_000), ("sqlite3", 120_000)], ids=["while inferring", "while writing"]
)
def test_a_full_disk_is_one_error_no_results_and_no_loss_of_what_was_inferred(tmp_path, settings, storage, limit_bytes):
    """A limit on the size of a file is met as a full disk is: a write fails."""
    settings = dataclasses.replace(settings, storage=storage)
    frames = [(n, np.random.default_rng(n).integers(0, 11, (24, 32, 3), dtype=np.uint8)) for n in range(40)]
    bag = write_bag(tmp_path / "drive", [("/camera/image_raw", image_message(f, stamp_of(n))) for n, f in frames])

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        try:
            replay(bag, tmp_path / "out", settings)
        except CamsegError as error:
            (tmp_path / "error").write_text(str(error))

    assert in_child(limited) == 0
    error = (tmp_path / "error").read_text()
    assert "drive.unfinished: cannot be written" in error
    assert "The same command then goes on from the last commit; a live replay begins anew" in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["drive.unfinished"]
    assert not (tmp_path / "out" / "drive.unfinished" / "results").exists()
    engine = FakeEngine()
    replay(bag, tmp_path / "out", settings, engine)
    assert engine.inferred < len(frames)
    replay(bag, tmp_path / "whole", settings)
    assert contents(tmp_path / "out" / "drive") == contents(tmp_path / "whole" / "drive")


def test_a_file_that_cannot_be_written_is_named(tmp_path, settings):
    bag = drive(tmp_path / "drive", SCORES)
    (tmp_path / "out").write_text("no folder")
    with pytest.raises(CamsegError) as caught:
        replay(bag, tmp_path / "out", settings)
    work = tmp_path / "out" / "drive.unfinished"
    assert f"{work}: cannot be written: {work}: Not a directory; expected room and permission" in str(caught.value)


def test_what_goes_wrong_while_inferring_is_not_blamed_on_the_folder_of_results(tmp_path, settings):
    def infer(*_):
        Path("/proc/nowhere").read_text()

    with pytest.raises(FileNotFoundError):
        Replay(drive(tmp_path / "drive", SCORES), tmp_path / "out", settings).run(infer, CAMVID, "cpu")


def damage_page(journal):
    content = bytearray(journal.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 16384] = b"\xaa" * 16384
    journal.write_bytes(content)


def damage_mask(journal):
    with closing(sqlite3.connect(journal)) as database, database:
        database.execute("UPDATE frames SET mask = x'0102' WHERE number = 7")


@pytest.mark.parametrize("damage", [damage_page, damage_mask])
def test_a_damaged_journal_is_named_and_that_to_remove_it_is_to_start_anew(tmp_path, settings, damage):
    bag = drive(tmp_path / "drive", SCORES * 20)
    with pytest.raises(KeyboardInterrupt):
        replay(bag, tmp_path / "out", settings, FakeEngine(fail_at=155))
    journal = tmp_path / "out" / "drive.unfinished" / "journal.sqlite3"
    damage(journal)
    with pytest.raises(CamsegError, match=rf"{journal} is damaged \(.*\); remove it to start anew"):
        replay(bag, tmp_path / "out", settings)
    journal.unlink()
    assert replay(bag, tmp_path / "out", settings).frames == len(SCORES) * 20


class Calling:
    """An object that, unpickled, would call something."""

    def __init__(self, function, *arguments):
        self._call = function, arguments

    def __reduce__(self):
        return self._call


@pytest.mark.parametrize(
    "harmful", [Calling(os.system, "true"), Calling(getattr, DriftState.WARN, "__class__"), Calling(eval, "1")]
)
def test_a_stored_state_can_have_nothing_called_but_what_detectors_are_made_of(harmful):
    with pytest.raises(CamsegError, match=r"stored drift state cannot be read: .* is no "):
        thaw(pickle.dumps({"camera": harmful}))


def test_methods_and_arrays_of_the_drift_package_are_stored():
    detector = counting_detector()
    detector.frames, detector.embeddings, detector.ask = 7, np.arange(6.0).reshape(2, 3), detector.update
    thawed = thaw(freeze({"front": detector}))["front"]
    assert thawed.frames == 7
    np.testing.assert_array_equal(thawed.embeddings, detector.embeddings)
    assert thawed.ask.__self__ is thawed


def test_members_of_enumerations_are_read_as_every_python_stores_them():
    # As an attribute of their class by Python 3.11.0 to 3.11.3.
    for stored in (Calling(getattr, DriftState, "ERROR"), DriftState.ERROR):
        assert thaw(freeze({"front": stored})) == {"front": DriftState.ERROR}
    with pytest.raises(CamsegError, match="from_bytes of a EnumType is no method of a drift detector's part"):
        thaw(freeze({"front": Calling(getattr, DriftState, "from_bytes")}))


def test_a_file_that_is_no_journal_is_named(tmp_path):
    (tmp_path / "journal.sqlite3").write_bytes(b"no database, but long enough to look at it" * 20)
    with pytest.raises(CamsegError, match=r"journal\.sqlite3 is no journal of a replay"):
        Journal(tmp_path / "journal.sqlite3", {})
