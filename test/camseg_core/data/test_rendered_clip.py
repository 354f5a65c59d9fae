from itertools import groupby

import numpy as np
import pytest

from camseg_core.data.sources.rendered_clip import RenderedClip, rain_mm_per_h_at, visibility_m_at
from camseg_core.errors import ConfigurationError
from camseg_core.rendering import Drive


@pytest.fixture(scope="module")
def frames():
    """A frame every two seconds, small: what is asked here does not depend on rate and size."""
    return list(RenderedClip(seed=2, rate_hz=0.5, width_px=64, height_px=48))


def test_five_frames_a_second_make_240():
    assert len(RenderedClip(seed=0, rate_hz=5.0, width_px=64, height_px=48)) == 240


def test_weather_goes_clear_fog_clear_rain(frames):
    assert [kind for kind, _ in groupby(frame.weather.kind for frame in frames)] == ["clear", "fog", "clear", "rain"]


def test_stamps_follow_the_rate(frames):
    assert [frame.stamp_ns for frame in frames] == [2_000_000_000 * number for number in range(24)]


def test_full_fog_and_rain_have_the_stated_severities(frames):
    fog = [frame.weather.severity for frame in frames if frame.weather.kind == "fog"]
    assert min(fog) == pytest.approx(80.0)
    assert max(fog) < 1000.0
    assert all(79.999 <= visibility_m_at(time_s) <= 150.001 for time_s in np.linspace(15, 22, 71))
    rain = [frame.weather.severity for frame in frames if frame.weather.kind == "rain"]
    assert max(rain) == pytest.approx(50.0)
    assert all(24.999 <= rain_mm_per_h_at(time_s) <= 50.001 for time_s in np.linspace(39, 48, 91))


def test_fog_takes_detail_away(frames):
    def detail(image):
        return np.abs(np.diff(image.astype(float), axis=1)).mean()

    drive = Drive(2, 64, 48)
    dense = [frame for frame in frames if frame.weather.kind == "fog" and frame.weather.severity <= 150.001]
    assert len(dense) >= 3
    for frame in dense:
        assert detail(frame.image) < 0.8 * detail(drive.frame(frame.stamp_ns * 1e-9).image)


def test_weather_rolls_in_smoothly_and_truth_follows_the_definitions():
    times = np.linspace(0, 48, 481)
    visibility = np.array([visibility_m_at(time_s) for time_s in times])
    # Extinction over the 3 km in front of the sky.
    veiled = 1 - np.exp(-3000 * np.log(20) / visibility)
    assert np.abs(np.diff(veiled)).max() < 0.2
    assert np.abs(np.diff(np.log(visibility[(times > 12.05) & (times < 24.95)]))).max() < 0.25
    rain = np.array([rain_mm_per_h_at(time_s) for time_s in times])
    assert np.abs(np.diff(rain)).max() < 2.0
    assert np.isinf(visibility[(times <= 12) | (times >= 25)]).all()
    assert (rain[times <= 36] == 0).all()
    assert (rain[times > 36] > 0).all()


def test_every_iteration_starts_at_the_first_frame_and_gives_the_same_bytes(frames):
    clip = RenderedClip(seed=2, rate_hz=0.5, width_px=64, height_px=48)
    for _ in range(2):
        first = next(iter(clip))
        assert first.stamp_ns == 0
        assert np.array_equal(first.image, frames[0].image)
        assert np.array_equal(first.labels, frames[0].labels)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 101.0, float("nan")])
def test_a_rate_out_of_range_is_named(rate_hz):
    with pytest.raises(ConfigurationError, match=f"rate_hz = {rate_hz}"):
        RenderedClip(seed=0, rate_hz=rate_hz)
