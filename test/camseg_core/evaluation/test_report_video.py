"""The video is decoded again: codec, rate, number and content of its frames."""

import re
import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from camseg_core.evaluation.report.video import write_video

COLORS = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]


def flat_frames(height, width):
    return [np.full((height, width, 3), color, dtype=np.uint8) for color in COLORS]


def decode(path):
    reader = cv2.VideoCapture(str(path))
    frames = []
    while (read := reader.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return frames, reader.get(cv2.CAP_PROP_FPS)


def test_frames_come_back_in_order_at_the_rate(tmp_path):
    assert write_video(tmp_path / "a.mp4", flat_frames(48, 64), rate_hz=5.0) == 3
    frames, rate_hz = decode(tmp_path / "a.mp4")
    assert rate_hz == pytest.approx(5.0)
    assert len(frames) == 3
    for frame, color in zip(frames, COLORS, strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.astype(int) - color).max() <= 12  # yuv420p and x264 at high quality


def test_it_is_h264_in_yuv420p_with_its_index_in_front_as_browsers_want(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, flat_frames(48, 64), rate_hz=5.0)
    told = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-i", path], capture_output=True, text=True).stderr
    assert re.search(r"Video: h264 .*yuv420p", told)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sizes_lose_their_last_row_and_column(tmp_path):
    write_video(tmp_path / "a.mp4", flat_frames(49, 65), rate_hz=5.0)
    assert decode(tmp_path / "a.mp4")[0][0].shape == (48, 64, 3)


def test_a_frame_of_another_size_is_scaled_to_the_first(tmp_path):
    write_video(tmp_path / "a.mp4", [*flat_frames(48, 64), *flat_frames(96, 128)], rate_hz=5.0)
    assert len(decode(tmp_path / "a.mp4")[0]) == 6


def test_without_frames_no_file_is_made(tmp_path):
    assert write_video(tmp_path / "a.mp4", [], rate_hz=5.0) == 0
    assert not (tmp_path / "a.mp4").exists()
