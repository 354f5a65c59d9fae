from collections import Counter

import numpy as np

from camseg_core.data.datasets import get_dataset
from camseg_core.drift.simulated_frames import (
    FRAMES_PER_SCENE,
    SEVERITY_RANGES,
    photographed_frames,
    rendered_frames,
)
from camseg_core.drift.weather_fitting import CAUSES
from camseg_core.labels import CAMVID


def test_each_moment_of_a_drive_is_seen_in_every_weather_and_again_the_same():
    frames = list(rendered_frames(range(3, 4), scenes=1))
    assert len(frames) == FRAMES_PER_SCENE
    kinds = Counter(frame.weather.kind for frame in frames)
    assert set(kinds) == set(CAUSES)
    assert {(frame.camera, frame.sequence) for frame in frames} == {("drive 3", "drive 3")}
    for frame in frames:
        low, high = SEVERITY_RANGES.get(frame.weather.kind, (0.0, 0.0))
        assert low <= frame.weather.severity <= high
    again = next(iter(rendered_frames(range(3, 4), scenes=1)))
    assert np.array_equal(again.image, frames[0].image)


def test_the_cameras_of_photographs_are_their_sequences_behind_several_crops(camvid_root):
    dataset = get_dataset("camvid", camvid_root, "val", CAMVID)
    frames = list(photographed_frames(dataset, CAMVID, every=40))
    assert len(frames) == -(-len(dataset) // 40) * FRAMES_PER_SCENE
    assert {frame.camera for frame in frames} == {"0016E5 0", "0016E5 1", "0016E5 2"}
    assert {frame.sequence for frame in frames} == {"0016E5"}
    assert all(frame.image.shape == dataset[0].image.shape for frame in frames)
