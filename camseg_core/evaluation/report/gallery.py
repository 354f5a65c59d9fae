"""The frames a report shows."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from camseg_core.evaluation.report.run import FrameRecord

PICTURES = 6
_MAX_WIDTH_PX = 640
_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """One frame in the report.

    Attributes:
        frame: what became of it.
        overlay: (height, width, 3) uint8 RGB, as the node published it.
        truth: the same from the true labels; None without.
    """

    frame: FrameRecord
    overlay: np.ndarray
    truth: np.ndarray | None = None


def choose_frames(frames: Sequence[FrameRecord], count: int = PICTURES) -> list[FrameRecord]:
    """At most ``count`` of ``frames``, spread evenly: from the middle of each of ``count`` equal stretches."""
    if len(frames) <= count:
        return list(frames)
    return [frames[int((number + 0.5) * len(frames) / count)] for number in range(count)]


def data_uri(image: np.ndarray) -> str:
    """A picture as a JPEG inside a URI, so that a page needs no second file; at most 640 pixels wide."""
    height, width = image.shape[:2]
    if width > _MAX_WIDTH_PX:
        size = (_MAX_WIDTH_PX, max(1, round(height * _MAX_WIDTH_PX / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
