from itertools import groupby

import numpy as np
import pytest

from camseg_core.data.sources.rendered_clip import RenderedClip, rain_mm_per_h_at, visibility_m_at
from camseg_core.errors import ConfigurationError


@pytest.fixture(scope="module")
def frames():
    """Two frames a second, small: what is asked here does not depend on the size."""
    return list(RenderedClip(seed=2, rate_hz=2.0, width_px=64, height_px=48))


def test_five_frames_a_second_make_240():
    assert len(RenderedClip(seed=0, rate_hz=5.0, width_px=64, height_px=48)) == 240


def test_weather_goes_clear_fog_clear_rain(frames):
    assert [kind for kind, _ in groupby(frame.weather.kind for frame in frames)] == ["clear", "fog", "clear", "rain"]


def test_stamps_are_half_a_second_apart(frames):
    assert set(np.diff([frame.stamp_ns for frame in frames])) == {500_000_000}
    assert len(frames) == 96


def test_full_fog_and_rain_have_the_stated_severities(frames):
    fog = [frame.weather.severity for frame in frames if frame.weather.kind == "fog"]
    assert min(fog) == pytest.approx(80.0)
    assert max(fog) < 1000.0
    assert all(80 <= visibility_m_at(time_s) <= 150.001 for time_s in np.arange(15, 22.1, 0.1))
    rain = [frame.weather.severity for frame in frames if frame.weather.kind == "rain"]
    assert max(rain) == pytest.approx(50.0)
    assert all(25 <= rain_mm_per_h_at(time_s) <= 50 for time_s in np.arange(38, 48, 0.1))


def test_fog_takes_contrast(frames):
    def contrast(kind):
        return np.mean([frame.image.std() for frame in frames if frame.weather.kind == kind])

    assert contrast("fog") < 0.7 * contrast("clear")


def test_weather_rolls_in_without_a_jump():
    clip = list(RenderedClip(seed=2, rate_hz=10.0, width_px=64, height_px=48))
    sky = np.array([frame.image[frame.labels == 0].mean() for frame in clip])
    assert np.abs(np.diff(sky)).max() < 25


def test_every_iteration_starts_at_the_first_frame_and_gives_the_same_bytes(frames):
    clip = RenderedClip(seed=2, rate_hz=2.0, width_px=64, height_px=48)
    for _ in range(2):
        first = next(iter(clip))
        assert first.stamp_ns == 0
        assert np.array_equal(first.image, frames[0].image)
        assert np.array_equal(first.labels, frames[0].labels)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 101.0, float("nan")])
def test_a_rate_out_of_range_is_named(rate_hz):
    with pytest.raises(ConfigurationError, match=f"rate_hz = {rate_hz}"):
        RenderedClip(seed=0, rate_hz=rate_hz)
