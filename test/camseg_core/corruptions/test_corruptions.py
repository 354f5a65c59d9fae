"""Corruptions do what their parameters say: shares, variances and colours follow from theory."""

import colorsys
import math

import numpy as np
import pytest

from camseg_core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from camseg_core.corruptions.blur import gaussian_blur, motion_blur, motion_kernel
from camseg_core.corruptions.color import brightness, contrast, hue, saturation
from camseg_core.corruptions.noise import gaussian_noise, salt_and_pepper
from camseg_core.errors import ConfigurationError, FrameError

GRAY = np.full((200, 300, 3), 128, np.uint8)
COUNT = GRAY.size


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(5).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def one_pixel(*color: int) -> np.ndarray:
    return np.array(color, np.uint8).reshape(1, 1, 3)


def test_gaussian_noise_has_the_variance_it_is_given(rng):
    noise = gaussian_noise(GRAY, 0.08, rng).astype(float) / 255 - 128 / 255
    # Rounding to whole values adds 1/12 of one; the deviation of a variance from n draws is σ² √(2/n).
    expected = 0.08**2 + 1 / 12 / 255**2
    assert noise.var() == pytest.approx(expected, abs=5 * expected * math.sqrt(2 / COUNT))
    assert noise.mean() == pytest.approx(0.0, abs=5 * 0.08 / math.sqrt(COUNT))


def test_channels_are_noised_by_themselves(rng):
    noise = gaussian_noise(GRAY, 0.08, rng).reshape(-1, 3).T.astype(float)
    correlation = np.corrcoef(noise)[np.triu_indices(3, 1)]
    assert np.abs(correlation).max() < 5 / math.sqrt(COUNT / 3)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_salt_and_pepper_replaces_its_share_half_black_half_white(rng, share):
    noisy = salt_and_pepper(GRAY, share, rng)
    tolerance = 5 * math.sqrt(0.25 / COUNT)
    assert (noisy == 0).mean() == pytest.approx(share / 2, abs=tolerance)
    assert (noisy == 255).mean() == pytest.approx(share / 2, abs=tolerance)
    assert set(np.unique(noisy)) <= {0, 128, 255}


def test_gaussian_blur_of_a_point_has_its_variance():
    point = np.zeros((101, 101, 3), np.uint8)
    point[46:55, 46:55] = 255
    blurred = gaussian_blur(point, 4.0)[..., 0].astype(float)
    x = np.arange(101) - 50
    profile = blurred.sum(axis=0) / blurred.sum()
    # Variances of a convolution add: the square of 9 pixels has (9² − 1) / 12.
    assert (profile * x**2).sum() == pytest.approx(4.0**2 + (9**2 - 1) / 12, rel=0.03)


@pytest.mark.parametrize("angle", [-math.pi / 4, 0.0, 0.3, math.pi / 2])
def test_motion_kernel_sums_to_one_and_lies_on_its_line(angle):
    kernel = motion_kernel(10, 3.0, angle)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    middle = len(kernel) // 2
    rows, columns = np.nonzero(kernel)
    across = -(columns - middle) * math.sin(angle) + (rows - middle) * math.cos(angle)
    assert np.abs(across).max() < math.sqrt(2)


def test_motion_kernel_trails_by_the_mean_of_half_a_gaussian():
    kernel = motion_kernel(20, 5.0, 0.0)
    x = np.arange(len(kernel)) - len(kernel) // 2
    back = np.arange(41)
    weights = np.exp(-(back**2) / 50.0)
    assert (kernel.sum(axis=0) * x).sum() == pytest.approx((weights * back).sum() / weights.sum(), rel=1e-4)
    assert kernel[len(kernel) // 2].sum() == pytest.approx(1.0, abs=1e-6)


def test_blurs_leave_an_even_image_as_it_is(rng):
    assert np.array_equal(gaussian_blur(GRAY, 6.0), GRAY)
    assert np.array_equal(motion_blur(GRAY, 20, 15.0, rng), GRAY)


def test_brightness_shifts_the_value_and_keeps_hue_and_saturation():
    before = np.array([100, 60, 20]) / 255
    after = brightness(one_pixel(100, 60, 20), 0.2).ravel() / 255
    old, new = colorsys.rgb_to_hsv(*before), colorsys.rgb_to_hsv(*after)
    assert new[2] == pytest.approx(old[2] + 0.2, abs=1 / 255)
    assert new[:2] == pytest.approx(old[:2], abs=0.01)


def test_brightness_ends_at_full_scale():
    assert np.array_equal(brightness(one_pixel(200, 200, 200), 0.5), one_pixel(255, 255, 255))


def test_contrast_scales_the_distance_from_the_mean(picture):
    low = contrast(picture, 0.3).astype(float)
    original = picture.astype(float)
    mean = original.mean(axis=(0, 1))
    np.testing.assert_allclose(low, mean + 0.3 * (original - mean), atol=0.51)


@pytest.mark.parametrize(("factor", "shift"), [(0.3, 0.0), (2.0, 0.0), (5.0, 0.1)])
def test_saturation_is_scaled_shifted_and_clipped_at_the_same_value(factor, shift):
    color = np.array([150, 110, 100]) / 255
    hue_, old, value = colorsys.rgb_to_hsv(*color)
    expected = colorsys.hsv_to_rgb(hue_, min(1.0, old * factor + shift), value)
    assert saturation(one_pixel(150, 110, 100), factor, shift).ravel() / 255 == pytest.approx(expected, abs=0.006)


def test_a_third_of_the_circle_turns_red_into_green_or_blue(rng):
    turned = {tuple(hue(one_pixel(255, 0, 0), 1 / 3, rng).ravel()) for _ in range(20)}
    assert turned == {(0, 255, 0), (0, 0, 255)}


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_the_same_seed_gives_the_same_bytes_and_leaves_the_image_alone(picture, name):
    kept = picture.copy()
    first = corrupt(picture, name, 3, seed=1)
    assert np.array_equal(first, corrupt(picture, name, 3, seed=1))
    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert np.array_equal(picture, kept)
    assert not np.array_equal(first, picture)


@pytest.mark.parametrize("name", ["gaussian noise", "salt-and-pepper", "motion blur"])
def test_another_seed_draws_otherwise(picture, name):
    assert not np.array_equal(corrupt(picture, name, 3, seed=1), corrupt(picture, name, 3, seed=2))


@pytest.mark.parametrize("name", sorted({*CORRUPTIONS} - {"saturation"}))
def test_severities_are_farther_and_farther_from_a_smooth_image(name):
    # Saturation is the exception: ImageNet-C's first two levels take it away, the others add to it.
    x, y = np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 90))
    channels = [0.2 + 0.4 * x, 0.3 + 0.3 * np.sin(9 * y) ** 2, 0.25 + 0.2 * np.cos(12 * (x + y)) ** 2]
    image = (np.stack(channels, -1) * 255).astype(np.uint8)
    distances = [np.abs(corrupt(image, name, level, 0).astype(float) - image).mean() for level in SEVERITIES]
    assert distances == sorted(distances)
    assert distances[0] > 0
    assert len(CORRUPTIONS[name].levels) == len(SEVERITIES)


def test_unknown_names_and_severities_are_named(picture):
    with pytest.raises(ConfigurationError, match=r"'smear' is unknown; expected one of .*'hue'"):
        corrupt(picture, "smear", 1, 0)
    with pytest.raises(ConfigurationError, match="severity of hue is 6; expected 1 to 5"):
        corrupt(picture, "hue", 6, 0)
    with pytest.raises(ConfigurationError, match="seed is -1"):
        corrupt(picture, "hue", 1, -1)


def test_parameters_and_arrays_out_of_range_are_named(rng):
    with pytest.raises(ConfigurationError, match=r"salt-and-pepper share is 1.2; expected 0 to 1"):
        salt_and_pepper(GRAY, 1.2, rng)
    with pytest.raises(FrameError, match=r"expected \(height, width, 3\) uint8"):
        gaussian_noise(GRAY.astype(float), 0.1, rng)
