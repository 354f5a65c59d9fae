"""What a replay has found so far, on disk: killed at any moment, it goes on from the last commit."""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from camseg_core.errors import CamsegError
from camseg_core.frames import DriftResult, DriftState
from camseg_core.replay.snapshot import freeze, thaw

_SCHEMA = """
CREATE TABLE plan(text TEXT NOT NULL);
CREATE TABLE detectors(state BLOB NOT NULL);
CREATE TABLE frames(
  number INTEGER PRIMARY KEY, camera TEXT NOT NULL, received_ns INTEGER NOT NULL, stamp_ns INTEGER NOT NULL,
  frame_id TEXT NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL, mask BLOB NOT NULL, drift TEXT NOT NULL,
  inference_s REAL, latency_s REAL, confidence BLOB
);
CREATE INDEX by_camera ON frames(camera);
"""
_COLUMNS = (
    "number, camera, received_ns, stamp_ns, frame_id, height, width, mask, drift, inference_s, latency_s, confidence"
)


@dataclass(frozen=True)
class FrameEntry:
    """What came out for one frame.

    Attributes:
        number: its place among all images of the cameras, from 0.
        camera: its camera's name.
        received_ns: when the recorder of the bag got it, nanoseconds.
        stamp_ns, frame_id: of its header.
        labels: (height, width) uint8 class ids, 255 unlabelled.
        drift: the judgement.
        inference_s: seconds the engine took; None where it was not asked for.
        latency_s: seconds from sending the frame to the mask's arrival; None where nothing was sent.
        confidence: (height, width) uint8, 0 to 255 for 0 to 1; None where it was not asked for.
    """

    number: int
    camera: str
    received_ns: int
    stamp_ns: int
    frame_id: str
    labels: np.ndarray
    drift: DriftResult
    inference_s: float | None = None
    latency_s: float | None = None
    confidence: np.ndarray | None = None


class Journal:
    """A file of entries, an SQLite database. What was appended counts from the next ``commit``.

    Args:
        path: the file; made where it does not exist.
        plan: all that decides what the entries are, and nothing else: a journal of another plan is not gone on with.

    Raises:
        CamsegError: the file is of another plan, is no journal, or another process writes to it.
    """

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self._path = path
        # Transactions are begun and ended by hand; one process at a time.
        self._database = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._begin(plan)
        except sqlite3.Error as error:
            self._database.close()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise CamsegError(f"{path} is in use; expected no other replay into the same folder") from error
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise CamsegError(f"{path} is no journal of a replay ({error}); remove it to start anew") from error
            raise
        except CamsegError:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def __len__(self) -> int:
        return self._database.execute("SELECT count(*) FROM frames").fetchone()[0]

    @property
    def next_number(self) -> int:
        """The number after the last entry's."""
        return self._database.execute("SELECT coalesce(max(number) + 1, 0) FROM frames").fetchone()[0]

    def append(self, entry: FrameEntry) -> None:
        """Adds an entry; numbers ascend."""
        drift = json.dumps(asdict(entry.drift))
        mask = zlib.compress(entry.labels.tobytes(), 1)
        self._database.execute(
            f"INSERT INTO frames({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (entry.number, entry.camera, entry.received_ns, entry.stamp_ns, entry.frame_id, *entry.labels.shape, mask,
             drift, entry.inference_s, entry.latency_s,
             None if entry.confidence is None else zlib.compress(entry.confidence.tobytes(), 1)),
        )  # fmt: skip

    def commit(self, detectors: Mapping[str, Any]) -> None:
        """Makes everything appended so far last, together with the detectors as they are after it."""
        self._database.execute("UPDATE detectors SET state = ?", (freeze(detectors),))
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")

    def detectors(self) -> dict[str, Any]:
        """The drift detectors as of the last commit."""
        return thaw(self._database.execute("SELECT state FROM detectors").fetchone()[0])

    def entries(self) -> Iterator[FrameEntry]:
        """All entries in the order of their numbers."""
        # Each query has a cursor of its own: they may be interleaved.
        for row in self._database.execute(f"SELECT {_COLUMNS} FROM frames ORDER BY number"):
            yield _entry(row)

    def judgements(self, camera: str) -> Iterator[tuple[int, int, DriftResult]]:
        """Number, stamp and judgement of a camera's frames, without their masks."""
        query = "SELECT number, stamp_ns, drift FROM frames WHERE camera = ? ORDER BY number"
        for number, stamp_ns, drift in self._database.execute(query, (camera,)):
            yield number, stamp_ns, _drift(drift)

    def durations_s(self, column: Literal["inference_s", "latency_s"]) -> list[float]:
        """What is known of inference times or latencies, seconds."""
        query = f"SELECT {column} FROM frames WHERE {column} IS NOT NULL ORDER BY number"
        return [row[0] for row in self._database.execute(query)]

    def entry(self, number: int) -> FrameEntry:
        """The entry of that number, which there is."""
        entry = self.find(number)
        assert entry is not None
        return entry

    def find(self, number: int) -> FrameEntry | None:
        """The entry of that number; None where there is none, as of a frame that a node dropped."""
        query = f"SELECT {_COLUMNS} FROM frames WHERE number = ?"
        row = self._database.execute(query, (number,)).fetchone()
        return None if row is None else _entry(row)

    def _begin(self, plan: Mapping[str, Any]) -> None:
        text = json.dumps(plan, sort_keys=True)
        self._database.execute("BEGIN IMMEDIATE")
        if not self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'plan'").fetchone():
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute("INSERT INTO plan VALUES(?)", (text,))
            self._database.execute("INSERT INTO detectors VALUES(?)", (freeze({}),))
            self._database.execute("COMMIT")
            self._database.execute("BEGIN IMMEDIATE")
        stored = json.loads(self._database.execute("SELECT text FROM plan").fetchone()[0])
        if differences := differing(stored, json.loads(text)):
            raise CamsegError(
                f"{self._path.parent} holds an unfinished replay with {differences}; "
                "expected the same to go on with it, or --overwrite to start anew"
            )


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In what two plans differ, in words; empty where they do not."""
    return "; ".join(
        f"{name} {old.get(name)!r}, now {new.get(name)!r}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _entry(row: tuple) -> FrameEntry:
    number, camera, received_ns, stamp_ns, frame_id, height, width, mask, drift, inference_s, latency_s, confidence = (
        row
    )
    return FrameEntry(
        number,
        camera,
        received_ns,
        stamp_ns,
        frame_id,
        _plane(mask, height, width),
        _drift(drift),
        inference_s,
        latency_s,
        None if confidence is None else _plane(confidence, height, width),
    )


def _plane(compressed: bytes, height: int, width: int) -> np.ndarray:
    return np.frombuffer(zlib.decompress(compressed), dtype=np.uint8).reshape(height, width)


def _drift(text: str) -> DriftResult:
    fields = json.loads(text)
    fields["state"] = DriftState(fields["state"])
    fields["region_scores"] = tuple(fields["region_scores"])
    return DriftResult(**fields)
