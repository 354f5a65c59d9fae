"""A video that a browser plays, from frames as they come."""

from collections.abc import Generator, Iterable
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

from camseg_core.errors import CamsegError

_QUALITY_CRF = "20"
"""x264's constant rate factor: 18 looks lossless, 23 is its default."""


def write_video(path: Path, frames: Iterable[np.ndarray], rate_hz: float) -> int:
    """Writes frames as H.264 in MP4 (yuv420p, index at the front), which every browser plays.

    The size is the first frame's, rounded down to even numbers as yuv420p demands; a frame of another size is scaled to
    it.

    Args:
        path: the ``.mp4`` to write.
        frames: (height, width, 3) uint8 RGB each.
        rate_hz: frames a second, above 0.

    Returns:
        How many frames were written. Without any, no file is made.

    Raises:
        CamsegError: ffmpeg failed.
    """
    writer, size, count = None, (0, 0), 0
    try:
        for frame in frames:
            if writer is None:
                size = (frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
                writer = _start(path, size, rate_hz)
            writer.send(np.ascontiguousarray(_fit(frame, size)))
            count += 1
    except OSError as error:
        raise CamsegError(f"video {path} cannot be written: {error}") from error
    finally:
        if writer is not None:
            writer.close()
    return count


def _start(path: Path, size: tuple[int, int], rate_hz: float) -> Generator[None, np.ndarray | None, None]:
    writer = imageio_ffmpeg.write_frames(
        str(path),
        size,
        fps=rate_hz,
        codec="libx264",
        quality=None,
        macro_block_size=2,
        output_params=["-crf", _QUALITY_CRF, "-movflags", "+faststart"],
        ffmpeg_log_level="error",
    )
    writer.send(None)
    return writer


def _fit(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    if frame.shape[1] - width in (0, 1) and frame.shape[0] - height in (0, 1):
        return frame[:height, :width]
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
