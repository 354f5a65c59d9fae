"""A rendered clip on disk: rendered once, then played and compared as often as one likes."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from camseg_core.data.images import read_labels, read_rgb
from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import DatasetError
from camseg_core.weather import Weather

_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]


class StoredClip:
    """Frames with labels and weather: ``images/N.png``, ``labels/N.png`` and one line each in ``frames.jsonl``.

    Args:
        folder: what ``write`` has filled.

    Raises:
        DatasetError: there is no clip in the folder. Iterating raises it for a picture that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            lines = (folder / "frames.jsonl").read_text().splitlines()
        except OSError as error:
            raise DatasetError(f"{folder}: holds no stored clip ({error.strerror}); expected frames.jsonl") from error
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{folder / 'frames.jsonl'}: is no text ({error}); expected a line for each frame"
            ) from error
        if not lines:
            raise DatasetError(f"{folder / 'frames.jsonl'}: holds no frame; expected a line for each")
        self._frames = [_read_frame(folder, number, line) for number, line in enumerate(lines, start=1)]

    @property
    def images(self) -> Path:
        """The folder of the images alone, in playing order by name."""
        return self._folder / "images"

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, (stamp_ns, weather) in enumerate(self._frames):
            yield SourceFrame(
                image=read_rgb(_picture(self._folder, "images", index)),
                stamp_ns=stamp_ns,
                labels=read_labels(_picture(self._folder, "labels", index)),
                weather=weather,
            )

    @classmethod
    def write(cls, folder: Path, frames: Iterable[SourceFrame]) -> Self:
        """Writes frames, each with labels and weather, into a new folder and opens it."""
        for kind in ("images", "labels"):
            (folder / kind).mkdir(parents=True)
        with (folder / "frames.jsonl").open("w") as log:
            for index, frame in enumerate(frames):
                if frame.labels is None or frame.weather is None:
                    raise DatasetError(
                        f"frame {index} has no labels or no weather; expected both, as a rendered clip has"
                    )
                _write(_picture(folder, "images", index), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
                _write(_picture(folder, "labels", index), frame.labels)
                log.write(json.dumps({"stamp_ns": frame.stamp_ns, "weather": vars(frame.weather)}) + "\n")
        return cls(folder)


def _read_frame(folder: Path, number: int, line: str) -> tuple[int, Weather]:
    """Stamp, nanoseconds, and weather of a line of frames.jsonl."""
    try:
        entry = json.loads(line)
        return int(entry["stamp_ns"]), Weather(**entry["weather"])
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{folder / 'frames.jsonl'}: line {number} is no frame ({error!r}); expected stamp_ns and weather"
        ) from error


def _picture(folder: Path, kind: str, index: int) -> Path:
    return folder / kind / f"{index:06}.png"


def _write(path: Path, picture: np.ndarray) -> None:
    if not cv2.imwrite(str(path), picture, _FAST_PNG):
        raise DatasetError(f"{path}: cannot be written")
