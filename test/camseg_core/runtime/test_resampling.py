"""Sizes are changed on a GPU as OpenCV changes them on the host."""

import weakref
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from camseg_core.runtime.prediction import image_latent
from camseg_core.runtime.resampling import KEPT_SIZES, Resampler, nearest_indices, resampling_matrix, resize

CPU = torch.device("cpu")


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("source", "target", "averages"),
    [(100, 37, True), (37, 100, False), (100, 37, False), (5, 5, True), (1, 4, False), (4, 1, True), (2, 3, False)],
)
def test_every_pixel_is_a_mean(source, target, averages):
    matrix = resampling_matrix(source, target, averages)
    assert matrix.min() >= 0.0
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-6)


class Image(torch.nn.Module):
    """In place of a model: the latent is the image as the model gets it."""

    input_size = (48, 64)

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def image_latent(self, images: torch.Tensor) -> torch.Tensor:
        return images


BOTH_ONE_WAY = [(96, 128), (30, 40), (48, 64)]
ONE_AS_IT_WAS = [(48, 90), (90, 64), (48, 40), (30, 64)]
ONE_SMALLER_ONE_LARGER = [(47, 162), (30, 256), (96, 40), (50, 63)]


@pytest.mark.parametrize("size", [*BOTH_ONE_WAY, *ONE_AS_IT_WAS, *ONE_SMALLER_ONE_LARGER])
def test_host_and_device_take_an_image_alike(size):
    image = noise(*size)
    host = image_latent(Image(), image)
    device = Resampler(Image.input_size, CPU).to_input(torch.from_numpy(image))
    assert (host - device).abs().max() * 127.5 <= 1.01  # one level, by the rounding between two steps


@pytest.mark.parametrize("size", [(48, 640), (47, 640), (480, 64), (480, 63)], ids=lambda size: f"{size[0]}×{size[1]}")
def test_a_stripe_of_a_pixel_is_averaged_along_each_axis_that_gets_smaller(size):
    axis = int(size[1] > size[0])
    place = np.where(np.arange(max(size)) % 10 == 2, 255, 0).astype(np.uint8)  # between the centres of new pixels
    stripes = np.broadcast_to(np.expand_dims(place, 1 - axis)[..., None], (*size, 3)).copy()
    assert np.abs(resize(stripes, Image.input_size).astype(int) - 26).max() <= 1
    levels = (Resampler(Image.input_size, CPU).to_input(torch.from_numpy(stripes)) + 1.0) * 127.5
    assert (levels - 26).abs().max() <= 1.01


def test_an_image_of_that_size_is_not_copied():
    image = noise(48, 64)
    assert resize(image, (48, 64)) is image


@pytest.mark.parametrize("size", [(50, 70), *BOTH_ONE_WAY[:2], *ONE_AS_IT_WAS])
def test_opencv_resizes_at_once_where_no_axis_goes_the_other_way(size):
    image = noise(*size)
    way = cv2.INTER_AREA if size[0] > 48 or size[1] > 64 else cv2.INTER_LINEAR
    np.testing.assert_array_equal(resize(image, (48, 64)), cv2.resize(image, (64, 48), interpolation=way))


@pytest.mark.parametrize("size", [(96, 128), (120, 200), (50, 70)])
def test_smaller_is_opencvs_average_over_areas(size):
    image = noise(*size)
    expected = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
    levels = (Resampler((48, 64), CPU).to_input(torch.from_numpy(image)) + 1.0) * 127.5
    assert np.abs(levels.numpy() - expected).max() <= 1.01  # one level, where the mean is halfway between two
    # By a whole factor OpenCV rounds halves up, not to the even level: an eighth of the averages of four.
    assert (np.abs(levels.numpy() - expected) < 0.01).mean() > 0.85


@pytest.mark.parametrize("size", [(30, 40), (30, 60)])
def test_larger_is_opencvs_linear_interpolation(size):
    image = noise(*size)
    expected = cv2.resize(image, (64, 48), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
    levels = (Resampler((48, 64), CPU).to_input(torch.from_numpy(image)) + 1.0) * 127.5
    assert np.abs(levels.numpy() - expected).max() <= 1.01  # OpenCV's weights have 11 bits


def test_an_image_of_the_models_size_is_only_scaled():
    image = noise(48, 64)
    pixels = Resampler((48, 64), CPU).to_input(torch.from_numpy(image))
    np.testing.assert_allclose(pixels.numpy(), image.transpose(2, 0, 1) / 127.5 - 1.0, atol=1e-6)


@pytest.mark.parametrize("size", [(48, 64), (96, 128), (201, 97), (30, 100), (49, 63), (480, 640)])
def test_labels_come_from_opencvs_nearest_pixel(size):
    labels = noise(48, 64)[..., 0]
    expected = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    resized = Resampler((48, 64), CPU).to_size(torch.from_numpy(labels), size)
    decided = ~(halfway(48, size[0])[:, None] | halfway(64, size[1])[None])
    assert decided.mean() > 0.7
    np.testing.assert_array_equal(resized.numpy()[decided], expected[decided])


def halfway(source, target):
    """Which new pixels have their centre between two old ones, equally near: which of them OpenCV takes is its own."""
    centres = [Fraction((2 * index + 1) * source, 2 * target) for index in range(target)]
    return np.array([target != source and centre.denominator == 1 for centre in centres])


@pytest.mark.parametrize("made_by", ["resampling_matrix", "nearest_indices"])
def test_what_the_last_sizes_need_is_kept_and_no_more(made_by, monkeypatch):
    made = []

    def making(*arguments):
        array = {"resampling_matrix": resampling_matrix, "nearest_indices": nearest_indices}[made_by](*arguments)
        made.append(weakref.ref(array))  # the resampler's tensors lie in its memory, and hold it
        return array

    monkeypatch.setattr(f"camseg_core.runtime.resampling.{made_by}", making)
    resampler = Resampler((4, 5), CPU)

    def pass_by(height: int) -> None:
        resampler.to_input(torch.zeros(height, 7, 3, dtype=torch.uint8))
        resampler.to_size(torch.zeros(4, 5, dtype=torch.uint8), (height, 7))

    for height in range(10, 10 + 3 * KEPT_SIZES):
        pass_by(10)  # of a camera beside the one whose size always changes
        pass_by(height)
    assert len(made) == 2 * 3 * KEPT_SIZES  # rows and columns, once for each size
    assert sum(reference() is not None for reference in made) == 2 * KEPT_SIZES
    pass_by(11)
    assert len(made) == 2 * 3 * KEPT_SIZES + 2


def test_nearest_indices_stay_inside():
    assert nearest_indices(3, 7).tolist() == [0, 0, 1, 1, 1, 2, 2]
