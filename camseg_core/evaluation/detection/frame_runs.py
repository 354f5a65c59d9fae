"""Where the frames of an evaluation come from: folders, lists of images, rosbag2."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import numpy as np

from camseg_core.data.images import IMAGE_SUFFIXES, read_rgb
from camseg_core.data.sources.bag import BagSource
from camseg_core.errors import DatasetError

IMAGES_FOLDER = "images"
"""What ``camseg render`` writes its frames into, beside folders of labels and depth."""


@dataclass(frozen=True)
class EvaluationFrame:
    """One frame, with what is known of it.

    Attributes:
        name: the file's path, or the bag's and the number of the message.
        image: (height, width, 3) uint8 RGB.
        stamp_ns: the camera's stamp; None for files, which have none.
        visibility_m: measured meteorological optical range in metres; NaN where it is not known.
    """

    name: str
    image: np.ndarray
    stamp_ns: int | None = None
    visibility_m: float = float("nan")


class FrameRun(Protocol):
    """Neighbouring frames of one camera, in the order of time; another run may have the same name."""

    name: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[EvaluationFrame]: ...

    def select(self, indices: Sequence[int]) -> list[EvaluationFrame]:
        """The frames of these indices, which ascend."""
        ...

    def names(self) -> list[str]:
        """What tells each frame from every other without reading it."""
        ...


class FileRun:
    """Image files in the order given; iterating raises DatasetError for one that cannot be decoded.

    Args:
        name: of the run, for people.
        paths: of the images.
        visibility_m: measured, one for each image; None where nothing was measured.
    """

    def __init__(self, name: str, paths: Sequence[Path], visibility_m: Sequence[float] | None = None) -> None:
        self.name = name
        self._paths = list(paths)
        self._visibility_m = list(visibility_m) if visibility_m is not None else [float("nan")] * len(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[EvaluationFrame]:
        return (self._frame(index) for index in range(len(self)))

    def select(self, indices: Sequence[int]) -> list[EvaluationFrame]:
        """The frames of these indices."""
        return [self._frame(index) for index in indices]

    def names(self) -> list[str]:
        """The real path of each file."""
        return [str(path.resolve()) for path in self._paths]

    def _frame(self, index: int) -> EvaluationFrame:
        path = self._paths[index]
        return EvaluationFrame(str(path), read_rgb(path), visibility_m=self._visibility_m[index])


class BagRun:
    """The camera images of a rosbag2; raises DatasetError as ``BagSource`` does."""

    def __init__(self, path: Path, topic: str | None) -> None:
        self.name = str(path)
        self._source = BagSource(path, topic)

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[EvaluationFrame]:
        for index, frame in enumerate(self._source):
            yield EvaluationFrame(f"{self.name}, message {index}", frame.image, frame.stamp_ns)

    def select(self, indices: Sequence[int]) -> list[EvaluationFrame]:
        """The frames of these indices; a bag is read from its start for them."""
        wanted = set(indices)
        return [frame for index, frame in enumerate(self) if index in wanted]

    def names(self) -> list[str]:
        """The bag's real path with the number of each message."""
        return [f"{Path(self.name).resolve()}, message {index}" for index in range(len(self))]


def open_runs(path: Path, topic: str | None = None) -> list[FrameRun]:
    """The runs of frames behind a path.

    - A rosbag2 (a folder with ``metadata.yaml``, an ``.mcap`` or ``.db3`` file) is one run.
    - A folder of images is one run, in the order of their names. Where it holds no image itself, its ``images`` folder
      is taken, as ``camseg render`` writes it; else every folder of images below it, each a run.
    - A ``.txt`` file lists one image a line, a ``.csv`` file has them in its column ``file``, and may have their
      measured visibility in metres in a column ``visibility_m``, empty where it is not known. Relative paths start at
      the list. Images that follow each other and lie in one folder are a run.

    Raises:
        DatasetError: there is nothing there, no image in it, or it cannot be read.
    """
    if path.is_dir() and not (path / "metadata.yaml").exists():
        return _folder_runs(path)
    if path.suffix.lower() in (".txt", ".csv"):
        return _list_runs(path)
    if not path.exists():
        raise DatasetError(f"{path}: does not exist; expected a folder of images, a rosbag2, or a .txt or .csv list")
    return [BagRun(path, topic)]


def _folder_runs(folder: Path) -> list[FrameRun]:
    for tried in (folder, folder / IMAGES_FOLDER):
        images = _images_in(tried) if tried.is_dir() else []
        if images:
            return [FileRun(str(folder), images)]
    below = sorted(path for path in folder.rglob("*") if path.is_dir())
    runs: list[FrameRun] = [FileRun(str(sub), images) for sub in below if (images := _images_in(sub))]
    if not runs:
        raise DatasetError(f"{folder}: holds no image; expected files ending in {', '.join(IMAGE_SUFFIXES)}")
    return runs


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _list_runs(path: Path) -> list[FrameRun]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); expected a list of images") from error
    if path.suffix.lower() == ".csv":
        entries = _csv_entries(path, text)
    else:
        entries = [(line.strip(), float("nan")) for line in text.splitlines() if line.strip()]
    if not entries:
        raise DatasetError(f"{path}: lists no image; expected one or more")
    runs: list[FrameRun] = []
    for folder, group in groupby(entries, key=lambda entry: (path.parent / entry[0]).parent):
        files, visibility_m = zip(*group, strict=True)
        for file in files:
            if not (path.parent / file).is_file():
                raise DatasetError(f"{path}: lists {path.parent / file}, which does not exist; expected an image")
        runs.append(FileRun(str(folder), [path.parent / file for file in files], visibility_m))
    return runs


def _csv_entries(path: Path, text: str) -> list[tuple[str, float]]:
    reader = csv.DictReader(text.splitlines())
    if "file" not in (reader.fieldnames or []):
        raise DatasetError(f"{path}: columns are {reader.fieldnames}; expected `file` and perhaps `visibility_m`")
    entries = []
    for row in reader:
        # Not a count of the rows: the reader passes over empty lines.
        where = f"{path}, line {reader.line_num}"
        if not row["file"]:
            raise DatasetError(f"{where}: file is {row['file']!r}; expected the path of an image")
        value = row.get("visibility_m") or "nan"
        try:
            visibility_m = float(value)
            if visibility_m <= 0.0:
                raise ValueError
        except ValueError:
            raise DatasetError(
                f"{where}: visibility_m is {value!r}; expected metres above 0, or nothing where it is not known"
            ) from None
        entries.append((row["file"], visibility_m))
    return entries
