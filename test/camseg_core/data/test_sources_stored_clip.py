"""A clip on disk is the clip that was written, pixel by pixel."""

import numpy as np
import pytest

from camseg_core.data.sources.image_folder import ImageFolder
from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.data.sources.stored_clip import StoredClip
from camseg_core.errors import DatasetError
from camseg_core.labels import CAMVID
from camseg_core.weather import Weather

WEATHER = [Weather.clear(), Weather.fog(80.5), Weather.rain(30.0)]


@pytest.fixture
def frames():
    random = np.random.default_rng(0)
    return [
        SourceFrame(
            random.integers(0, 256, (6, 10, 3), dtype=np.uint8),
            index * 200_000_000,
            random.choice(np.array([0, 10, 255], np.uint8), (6, 10)),
            weather,
        )
        for index, weather in enumerate(WEATHER)
    ]


def test_everything_comes_back_as_it_was(tmp_path, frames):
    clip = StoredClip.write(tmp_path / "clip", frames)
    assert len(clip) == 3
    for _ in range(2):
        for read, written in zip(clip, frames, strict=True):
            np.testing.assert_array_equal(read.image, written.image)
            np.testing.assert_array_equal(read.labels, written.labels)
            assert (read.stamp_ns, read.weather) == (written.stamp_ns, written.weather)


def test_its_images_can_be_played_as_a_folder_in_the_same_order(tmp_path, frames):
    clip = StoredClip.write(tmp_path / "clip", frames)
    for read, written in zip(ImageFolder(clip.images, None, 5.0, CAMVID), frames, strict=True):
        np.testing.assert_array_equal(read.image, written.image)


def test_a_folder_without_a_clip_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="holds no stored clip"):
        StoredClip(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", r"frames\.jsonl: holds no frame"),
        ('{"stamp_ns": 0, "weather": {"kind": "clear"', r"frames\.jsonl: line 1 is no frame"),
        ('{"stamp_ns": 0}\n', r"line 1 is no frame \(KeyError\('weather'\)\); expected stamp_ns and weather"),
        ('{"stamp_ns": 0, "weather": {"hail_mm": 5}}\n', "line 1 is no frame"),
    ],
)
def test_a_damaged_list_of_frames_is_named_with_the_line(tmp_path, content, told):
    (tmp_path / "frames.jsonl").write_text(content)
    with pytest.raises(DatasetError, match=told):
        StoredClip(tmp_path)


def test_a_list_of_frames_that_is_no_text_is_named(tmp_path):
    (tmp_path / "frames.jsonl").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(DatasetError, match=r"frames\.jsonl: is no text \(.*\); expected a line for each frame"):
        StoredClip(tmp_path)


def test_frames_without_truth_are_refused(tmp_path, frames):
    with pytest.raises(DatasetError, match="frame 0 has no labels or no weather"):
        StoredClip.write(tmp_path / "clip", [SourceFrame(frames[0].image, 0)])
