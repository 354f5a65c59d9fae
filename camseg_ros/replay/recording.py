"""The folder in which the processes of a replay leave what they sent and received, for each other and for later."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from camseg_core.errors import CamsegError, ConfigurationError

_OWNER_NOTE = "camseg_demo made this folder, and empties it whenever it records into it again.\n"


class Recording:
    """Paths of one recording.

    ``sent.jsonl`` is the player's, ``parameters.yaml`` the node's, ``made_by_camseg_demo`` says that the folder may be
    emptied, everything else is the recorder's. A picture is named by the camera's stamp in nanoseconds.

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
        self.parameters = folder / "parameters.yaml"
        self._owner = folder / "made_by_camseg_demo"

    def create(self) -> None:
        """Makes the folder anew, without anything of an earlier run.

        Raises:
            ConfigurationError: what is there was not made here, and is left as it is.
        """
        self.check_replaceable()
        self.folder.mkdir(parents=True, exist_ok=True)
        # First and never removed: wherever a run is killed, what it leaves can be told from what others put there.
        self._owner.write_text(_OWNER_NOTE)
        for path in self.folder.iterdir():
            if path == self._owner:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.make_folders()

    def check_replaceable(self) -> None:
        """Raises ConfigurationError where the folder holds anything and ``create`` has not made it."""
        if not self.folder.exists() or self._owner.exists():
            return
        # Before there was the note, these three told a recording.
        if self.parameters.exists() and self.mask(0).parent.is_dir() and self.overlay(0).parent.is_dir():
            return
        if not self.folder.is_dir() or any(self.folder.iterdir()):
            raise ConfigurationError(
                f"{self.folder} is there and no recording of camseg_demo, which would empty it; "
                "expected one, an empty folder or none: choose another --out"
            )

    def make_folders(self) -> None:
        """Makes the folders of the pictures where they are not there yet."""
        for folder in (self.mask(0).parent, self.overlay(0).parent):
            folder.mkdir(parents=True, exist_ok=True)

    def mask(self, stamp_ns: int) -> Path:
        """The mask of the frame with this stamp: PNG, one byte a pixel, the class id."""
        return self.folder / "masks" / f"{stamp_ns}.png"

    def overlay(self, stamp_ns: int) -> Path:
        """The overlay of the frame with this stamp: JPEG."""
        return self.folder / "overlays" / f"{stamp_ns}.jpg"


class JsonLines:
    """Appends one JSON object a line, so that a reader sees each as soon as it is written.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", buffering=1)

    def write(self, **fields: Any) -> None:
        """Appends one object; raises CamsegError where that is not possible, as on a full disk."""
        with naming_what_cannot_be_written(self._path):
            self._file.write(json.dumps(fields) + "\n")

    def close(self) -> None:
        """Closes the file; everything written is in it, or CamsegError is raised."""
        with naming_what_cannot_be_written(self._path):
            self._file.close()


@contextmanager
def naming_what_cannot_be_written(path: Path) -> Iterator[None]:
    """Turns an OSError, which names no file where the disk is full, into a CamsegError that does."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise CamsegError(f"{path} cannot be written: {reason}; expected a folder with room for it") from error


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
