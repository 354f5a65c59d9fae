"""One bag, from its frames to a folder of results that is there whole or not at all."""

import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from camseg_core import __version__
from camseg_core.data.sources.bag_images import BagImages
from camseg_core.errors import CamsegError, ConfigurationError
from camseg_core.evaluation.report.machine import hardware, versions
from camseg_core.labels import LabelSet
from camseg_core.replay.cameras import Camera, find_cameras
from camseg_core.replay.journal import Journal, differing
from camseg_core.replay.results import RESULTS, SUMMARY, ReplayedBag, write_results
from camseg_core.replay.settings import ReplaySettings
from camseg_core.replay.summary import LiveCounts, ReplaySummary, RunFacts
from camseg_core.replay.truth import FrameStamps, TrueLabels, frame_stamps, labels_of_folder, labels_of_topics

JOURNAL = "journal.sqlite3"
_UNWRITTEN = "results"
"""Results in an unfinished replay's folder until all of them are written."""

_LEFT_UNFINISHED = (_UNWRITTEN, JOURNAL, *(f"{JOURNAL}-{ending}" for ending in ("journal", "wal", "shm")))
"""What a replay leaves when it is killed; SQLite keeps what it has not committed beside its file."""

_PACKAGES = ("torch", "diffusers", "numpy", "opencv-python-headless", "rosbags")

Infer = Callable[[BagImages, Sequence[Camera], Journal], LiveCounts | None]
"""Fills a journal, from where it stands, with what comes out for the images of the cameras."""


class Replay:
    """The replay of one bag into ``OUT/NAME``, by way of ``OUT/NAME.unfinished``.

    Args:
        bag: a rosbag2 folder, or the ``.mcap`` or ``.db3`` file in it.
        out: folder of results, one folder in it for each bag, named as the bag.
        settings: what is asked for.

    Raises:
        DatasetError, ConfigurationError: the bag cannot be read, its cameras are not clear, it lies where its
            results would, or they in it.
    """

    def __init__(self, bag: Path, out: Path, settings: ReplaySettings) -> None:
        self.bag = bag
        self.cameras = find_cameras(bag, settings.camera_topics, settings.label_topics)
        self.folder = out / bag_name(bag)
        self._settings = settings
        self._images = BagImages(bag, [camera.topic for camera in self.cameras])
        self._work = out / f"{self.folder.name}.unfinished"
        # Both folders are replaced or removed with all that is in them.
        for folder in (self.folder, self._work):
            if bag.resolve().is_relative_to(folder.resolve()):
                raise ConfigurationError(
                    f"bag {bag} lies in {folder}, where its results would go; expected another folder for --out"
                )
        if self.folder.resolve().is_relative_to(bag.resolve()):
            raise ConfigurationError(
                f"results would go to {self.folder}, in the folder of bag {bag}, which they would change; expected "
                "another folder for --out"
            )

    def check_discard(self) -> None:
        """Raises CamsegError where ``discard`` would remove anything that no replay left."""
        if self.folder.exists():
            self._plan_of_results()
            _check_left_by_replay(self.folder, RESULTS)
        self._check_unfinished()

    def discard(self) -> None:
        """Removes earlier results and whatever an earlier replay left unfinished; raises as ``check_discard``."""
        self.check_discard()
        self.discard_unfinished()
        if self.folder.exists():
            # Results come and go whole: what a kill leaves of them is an unfinished replay's.
            self._work.mkdir()
            self.folder.rename(self._work / _UNWRITTEN)
            self.discard_unfinished()

    def discard_unfinished(self) -> None:
        """Removes what an earlier replay left unfinished; raises CamsegError where there is anything else with it."""
        self._check_unfinished()
        if self._work.exists():
            shutil.rmtree(self._work)

    def run(self, infer: Infer, label_set: LabelSet, device: str, **more_settings: Any) -> ReplaySummary | None:
        """Replays the bag, going on where an earlier replay was ended.

        Args:
            infer: what makes masks and drift of the images, and confidence where an output needs it.
            label_set: the classes.
            device: where it infers.
            more_settings: what else decides the result, by name.

        Returns:
            The summary; None where the results of the same replay are there already.

        Raises:
            CamsegError: the folder holds results of another replay or what no replay left, a frame or label cannot be
                read, a file cannot be written, or the journal is damaged. No results are left then, but what was
                inferred, for the next replay, which may have other outputs, storage or labels.
        """
        self._check_unfinished()
        settings = self._settings.as_json() | {"device": device} | more_settings
        files = self._settings.files(self.bag)
        if self._is_done(settings, files):
            shutil.rmtree(self._work, ignore_errors=True)
            return None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        facts = RunFacts(started, hardware(), versions(*_PACKAGES), files, {}, {})
        with _writing(self._work):
            self._work.mkdir(parents=True, exist_ok=True)
        path, plan = self._work / JOURNAL, self._inference_plan(device, more_settings, facts.versions)
        with _using_journal(path), Journal(path, plan) as journal:
            live = infer(self._images, self.cameras, journal)
            if not len(journal):
                raise CamsegError(f"bag {self.bag}: no frame came through; expected one at least")
            with _writing(self._work):
                summary = self._write(journal, label_set, settings, facts, live)
        shutil.rmtree(self._work)
        return summary

    def _inference_plan(self, device: str, more_settings: dict[str, Any], versions: dict[str, str]) -> dict[str, Any]:
        """All that decides what is inferred; what is written of it and which labels it meets may yet change."""
        return {
            **self._settings.inference_as_json(),
            "camera_topics": [camera.topic for camera in self.cameras],
            "device": device,
            **more_settings,
            **self._settings.inference_files(self.bag),
            "version": __version__,
            **versions,
        }

    def _write(
        self,
        journal: Journal,
        label_set: LabelSet,
        settings: dict[str, Any],
        facts: RunFacts,
        live: LiveCounts | None,
    ) -> ReplaySummary:
        results = self._work / _UNWRITTEN
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir()
        replayed = ReplayedBag(
            self.bag, self._images, self.cameras, journal, label_set, lambda: self._truths(label_set)
        )
        try:
            summary = write_results(
                results, replayed, self._settings.outputs, self._settings.storage, settings, facts, live
            )
            results.rename(self.folder)
        except BaseException:
            shutil.rmtree(results, ignore_errors=True)
            raise
        return summary

    def _truths(self, label_set: LabelSet) -> Iterator[TrueLabels]:
        if self._settings.labels is not None:
            return labels_of_folder(self._settings.labels, self._frame_stamps, label_set)
        if self._settings.label_topics:
            return labels_of_topics(self.bag, self.cameras, self._frame_stamps, label_set)
        return iter(())

    @cached_property
    def _frame_stamps(self) -> FrameStamps:
        """Of the bag's images and not of the journal's entries, from which those are missing that a node dropped."""
        return frame_stamps(self._images, self.cameras)

    def _is_done(self, settings: dict[str, Any], files: dict[str, str]) -> bool:
        if not self.folder.exists():
            return False
        if differences := differing(self._plan_of_results(), settings | files):
            raise CamsegError(
                f"{self.folder} holds the results of a replay with {differences}; expected the same, or --overwrite"
            )
        return True

    def _plan_of_results(self) -> dict[str, Any]:
        """Settings and files of the replay whose results are there; raises CamsegError where they are no replay's."""
        try:
            summary = json.loads((self.folder / SUMMARY).read_text())
            return {**summary["settings"], **summary["run"]["files"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CamsegError(
                f"{self.folder} exists and is no replay's ({error}); expected another folder for --out"
            ) from error

    def _check_unfinished(self) -> None:
        if self._work.is_dir():
            _check_left_by_replay(self._work, _LEFT_UNFINISHED)


def _check_left_by_replay(folder: Path, names: Collection[str]) -> None:
    if others := sorted(path.name for path in folder.iterdir() if path.name not in names):
        raise CamsegError(
            f"{folder} holds {others[0]!r}, which no replay left and which would be removed with it; expected it "
            "elsewhere, or another folder for --out"
        )


def bag_name(bag: Path) -> str:
    """What the results of a bag are called: its folder's name, or the file's without its ending."""
    bag = bag.resolve()
    return bag.name if bag.is_dir() else bag.stem


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Turns a full disk and its like into one error that says what is left."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise _unwritable(folder, reason if error.filename is None else f"{error.filename}: {reason}") from error


@contextmanager
def _using_journal(path: Path) -> Iterator[None]:
    """Turns what SQLite says of a full disk, or of a damaged file, into one error."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _unwritable(path.parent, str(error)) from error
    except (sqlite3.DatabaseError, zlib.error) as error:
        raise CamsegError(f"{path} is damaged ({error}); remove it to start anew") from error


def _unwritable(folder: Path, reason: str) -> CamsegError:
    return CamsegError(
        f"{folder}: cannot be written: {reason}; expected room and permission to write. The same command then goes on "
        "from the last commit; a live replay begins anew"
    )
