"""The frames a report shows."""

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from camseg_core.evaluation.report.run import FrameRecord

PICTURES = 6
_APART_NS = 2_000_000_000
_MAX_WIDTH_PX = 640
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """One frame in the report.

    Attributes:
        frame: what became of it.
        overlay: (height, width, 3) uint8 RGB, as the node published it.
        truth: the same from the true labels; None without.
        note: what else the caption says.
    """

    frame: FrameRecord
    overlay: np.ndarray
    truth: np.ndarray | None = None
    note: str = ""


def choose_frames(frames: Sequence[FrameRecord], count: int = PICTURES) -> list[FrameRecord]:
    """At most ``count`` of ``frames``, spread evenly: from the middle of each of ``count`` equal stretches."""
    if len(frames) <= count:
        return list(frames)
    return [frames[int((number + 0.5) * len(frames) / count)] for number in range(count)]


def choose_worst(
    frames: Sequence[FrameRecord], badness: Callable[[FrameRecord], float], count: int = PICTURES
) -> list[FrameRecord]:
    """At most ``count`` of ``frames``, the worst first, none within two seconds of another: neighbours look alike.

    Args:
        frames: of one camera.
        badness: how bad a frame is; frames for which it is NaN are left out.
        count: how many, 1 or more.
    """
    chosen: list[FrameRecord] = []
    for frame in sorted((f for f in frames if not math.isnan(badness(f))), key=badness, reverse=True):
        if all(abs(frame.stamp_ns - other.stamp_ns) >= _APART_NS for other in chosen):
            chosen.append(frame)
        if len(chosen) == count:
            break
    return chosen


def data_uri(image: np.ndarray) -> str:
    """A picture as a JPEG inside a URI, so that a page needs no second file; at most 640 pixels wide."""
    height, width = image.shape[:2]
    if width > _MAX_WIDTH_PX:
        size = (_MAX_WIDTH_PX, max(1, round(height * _MAX_WIDTH_PX / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
