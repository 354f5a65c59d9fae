"""Labelled frames of procedural drives, as training data."""

from camseg_core.data.datasets.labelled_image import LabelledImage
from camseg_core.rendering import Drive

FRAMES_PER_DRIVE = 10
SECONDS_BETWEEN_FRAMES = 3.0


class RenderedDrives:
    """Frames of ``drives`` procedural drives, ten each, far enough apart to show other places.

    Args:
        drives: number of drives.
        seed: of the first drive; the others follow.
    """

    def __init__(self, drives: int, seed: int) -> None:
        self._drives = [Drive(seed=seed + index) for index in range(drives)]

    def __len__(self) -> int:
        return len(self._drives) * FRAMES_PER_DRIVE

    def __getitem__(self, index: int) -> LabelledImage:
        drive, frame = divmod(index, FRAMES_PER_DRIVE)
        rendered = self._drives[drive].frame(frame * SECONDS_BETWEEN_FRAMES)
        return LabelledImage(rendered.image, rendered.labels, f"drive{drive:04d}_{frame}")
