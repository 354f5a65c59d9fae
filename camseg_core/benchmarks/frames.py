"""Frames to measure with: as a camera driver hands them over, bytes in memory."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from camseg_core.data.sources import open_source
from camseg_core.frames import Frame
from camseg_core.rendering import Drive
from camseg_core.runtime.pixel_formats import to_rgb

FRAMES = 16
"""Different frames that are taken in turn: enough that no cache holds their pixels."""

RATE_HZ = 30.0


@dataclass(frozen=True)
class CameraBuffers:
    """Pixels of frames in memory.

    Attributes:
        pixels: bytes of each frame, rgb8 without padding.
        height_px, width_px: of all frames.
        description: where they come from, in words.
    """

    pixels: tuple[bytes, ...]
    height_px: int
    width_px: int
    description: str

    def frame(self, number: int, camera: str = "camera") -> Frame:
        """The frame that a camera sends as its ``number``-th, from 0; its way from bytes to pixels is gone here."""
        data = self.pixels[number % len(self.pixels)]
        image = to_rgb("rgb8", self.height_px, self.width_px, 3 * self.width_px, data)
        return Frame(image, round(number * 1e9 / RATE_HZ), camera)


def camera_buffers(size: tuple[int, int], images: Path | None = None, seed: int = 0) -> CameraBuffers:
    """Frames of (height, width) pixels: the first of a folder, resized where they differ, or of a rendered drive.

    Raises:
        DatasetError: the folder is missing, empty or cannot be read.
    """
    height, width = size
    if images is None:
        drive = Drive(seed, width, height)
        pictures = [drive.frame(number / RATE_HZ).image for number in range(FRAMES)]
        description = f"{len(pictures)} frames of a rendered drive, {height}×{width}"
    else:
        pictures = [frame.image for frame in islice(open_source(images, rate_hz=RATE_HZ), FRAMES)]
        pictures = [
            picture if picture.shape[:2] == size else cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
            for picture in pictures
        ]
        description = f"{len(pictures)} frames of {images}, {height}×{width}"
    return CameraBuffers(
        tuple(np.ascontiguousarray(picture).tobytes() for picture in pictures), height, width, description
    )
