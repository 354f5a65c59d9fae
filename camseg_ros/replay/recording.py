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


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects in ``path``, none where it does not exist; a last line that is still being written is left out."""
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                yield json.loads(line)
