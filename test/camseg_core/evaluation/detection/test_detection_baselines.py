"""The simple image statistics, on images whose values are known, and their directions on fog of Koschmieder's law."""

import math

import numpy as np
import pytest

from camseg_core.evaluation.detection.baselines import (
    DENOISING_RESIDUAL,
    DIRECTIONS,
    ENTROPY,
    dark_channel_mean,
    image_diagnostics,
    image_statistics,
)
from camseg_core.rendering import Drive
from camseg_core.weather import apply_fog


def plain(value, height=360, width=480):
    return np.full((height, width, 3), value, np.uint8)


def test_of_a_plain_image():
    statistics = image_statistics(plain(51))
    assert statistics["dark_channel_mean"] == statistics["mean_brightness"] == pytest.approx(0.2)
    assert statistics["rms_contrast"] == statistics["laplacian_variance"] == 0.0


def test_the_dark_channel_is_the_darkest_channel_within_seven_pixels():
    image = plain(200, 61, 81)
    image[30, 40, 1] = 0
    assert dark_channel_mean(image) == pytest.approx((200 * (61 * 81 - 15 * 15)) / (61 * 81) / 255)


def test_contrast_of_half_black_half_white_is_a_half():
    image = plain(0)
    image[:, 240:] = 255
    assert image_statistics(image)["rms_contrast"] == pytest.approx(0.5)


def test_the_laplacian_of_single_columns():
    image = plain(100)
    image[:, ::4] = 104
    # Every fourth column is 4 brighter: the Laplacian is −8 there, 4 on its two neighbours, 0 between.
    expected = np.var([-8, 4, 0, 4])
    assert image_statistics(image)["laplacian_variance"] == pytest.approx(expected, rel=0.02)


def test_a_frame_s_size_does_not_change_its_statistics_much():
    image = Drive(0, 960, 720).frame(0.0).image
    large, small = image_statistics(image), image_statistics(Drive(0, 480, 360).frame(0.0).image)
    for name in ("dark_channel_mean", "rms_contrast", "mean_brightness"):
        assert large[name] == pytest.approx(small[name], rel=0.1), name


@pytest.mark.parametrize(
    ("value", "low", "abnormal"),
    [(5, 0.0, 1.0), (120, 1.0, 1.0), (240, 0.0, 1.0)],
    ids=["dark", "low visibility", "backlight"],
)
def test_image_diagnostics_of_plain_images(value, low, abnormal):
    found = image_diagnostics(plain(value, 480, 640))
    assert found["image_diagnostics_low_visibility"] == low
    assert found["image_diagnostics_abnormal"] == abnormal


def test_image_diagnostics_of_texture_is_normal():
    noise = np.random.default_rng(0).integers(20, 200, (480, 640, 3), dtype=np.uint8)
    found = image_diagnostics(noise)
    assert found["image_diagnostics_abnormal"] == 0.0
    assert found["image_diagnostics_frequency"] > 4.0


def test_image_diagnostics_frequency_of_white_noise_is_that_of_theory():
    # The real part of each Fourier coefficient of white noise is normal with variance N σ² / 2, and the mean of
    # ln|x| of a standard normal is −(γ + ln 2) / 2.
    sigma, block = 20.0, 96 * 128
    gray = np.random.default_rng(0).normal(128, sigma, (480, 640)).round().clip(0, 255).astype(np.uint8)
    expected = 0.5 * math.log(block * sigma**2 / 2) - (np.euler_gamma + math.log(2)) / 2
    found = image_diagnostics(np.repeat(gray[..., None], 3, axis=2))["image_diagnostics_frequency"]
    assert found == pytest.approx(expected, abs=0.02)


def test_fog_moves_the_statistics_the_way_theory_says():
    frame = Drive(2, 480, 360).frame(1.0)
    clear = image_statistics(frame.image)
    foggy = image_statistics(apply_fog(frame.image, frame.depth_m, 60.0))
    assert set(clear) | {DENOISING_RESIDUAL, ENTROPY} == set(DIRECTIONS)
    for name in clear:
        if name != "image_diagnostics_abnormal":
            assert DIRECTIONS[name] * (foggy[name] - clear[name]) >= 0, name
    assert foggy["laplacian_variance"] < 0.5 * clear["laplacian_variance"]
