"""The folder in which the processes of a replay leave what they sent and received, for each other and for later."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Recording:
    """Paths of one recording.

    ``sent.jsonl`` is the player's, everything else the recorder's. A picture is named by the camera's stamp in
    nanoseconds.

    Args:
        folder: where it lies; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = folder / "sent.jsonl"
        self.arrivals = folder / "arrivals.jsonl"
        self.drift = folder / "drift.jsonl"
        self.diagnostics = folder / "diagnostics.jsonl"
        self.recorder_ready = folder / "recorder_ready"

    def create(self) -> None:
        """Makes the folder anew, without anything of an earlier run."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.mask(0).parent, self.overlay(0).parent):
            folder.mkdir(parents=True)

    def mask(self, stamp_ns: int) -> Path:
        """The mask of the frame with this stamp: PNG, one byte a pixel, the class id."""
        return self.folder / "masks" / f"{stamp_ns}.png"

    def overlay(self, stamp_ns: int) -> Path:
        """The overlay of the frame with this stamp: JPEG."""
        return self.folder / "overlays" / f"{stamp_ns}.jpg"


class JsonLines:
    """Appends one JSON object a line, so that a reader sees each as soon as it is written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def write(self, **fields: Any) -> None:
        """Appends one object."""
        self._file.write(json.dumps(fields) + "\n")

    def close(self) -> None:
        """Closes the file; everything written is in it."""
        self._file.close()


class JsonLinesTail:
    """Reads a file that another process writes; the file need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[dict[str, Any]]:
        """The objects that were written since the last call, whole lines only."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self._offset += sum(map(len, whole))
        return [json.loads(line) for line in whole]


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in ``path``, none where it does not exist; a last line that is still being written is left out."""
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
