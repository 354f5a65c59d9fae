"""What fog adds to embeddings: contrast lost by Koschmieder's law, most where the street is farthest."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS, split
from camseg_core.drift.scores import structure
from camseg_core.drift.weather_shift import FOG_VISIBILITIES_M, weather_shift
from camseg_core.runtime.resampling import resize

SIZE = (144, 96)


class BlurredImage(nn.Module):
    """In place of a model: the latent is the image itself at half its size."""

    input_size = SIZE

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def image_latent(self, images: torch.Tensor) -> torch.Tensor:
        return functional.avg_pool2d(images.float(), 2)


@pytest.fixture(scope="module")
def model() -> BlurredImage:
    return BlurredImage().eval()


def texture(seed: int, contrast: float = 1.0) -> np.ndarray:
    blocks = np.random.default_rng(seed).integers(0, 256, (SIZE[0] // 2, SIZE[1] // 2, 3)) - 127.5
    return np.round(127.5 + contrast * blocks).astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)


@pytest.fixture(scope="module")
def shift(model) -> np.ndarray:
    return weather_shift(model, [texture(seed) for seed in range(12)])


def test_it_has_the_shape_of_an_embedding_and_takes_structure_away_everywhere(shift):
    assert shift.shape == (len(PARTS) * ROWS * COLUMNS * 3,)
    assert (structure(shift) < 0).all()


def test_the_horizon_loses_more_than_the_road_before_the_car(shift):
    rows = split(shift)["log_contrast"].mean(axis=(1, 2))
    assert rows[ROWS // 2] < rows[-1] - 0.5
    # Below the horizon the street comes nearer row by row.
    assert (np.diff(rows[ROWS // 2 + 1 :]) > 0).all()


def test_the_street_before_the_car_loses_what_koschmieder_says(shift):
    # Light through 3 to 10 m of street: contrast falls by exp(-distance * ln 20 / visibility).
    lost = split(shift)["log_contrast"][-1].mean()
    near, far = (
        -np.mean([distance_m * np.log(20) / metres for metres in FOG_VISIBILITIES_M]) for distance_m in (3, 10)
    )
    assert far < lost < near


def test_where_how_much_is_lost_is_a_matter_of_the_street_not_of_the_scenes_contrast(model, shift):
    faint = weather_shift(model, [texture(seed, contrast=0.5) for seed in range(12)])
    below_the_horizon = slice(ROWS // 2 + 1, None)
    found, expected = (split(each)["log_detail"][below_the_horizon].mean(axis=(1, 2)) for each in (faint, shift))
    # Fog mixes light, not display values, so that the loss itself depends on the contrast a little.
    assert np.corrcoef(found, expected)[0, 1] > 0.99
    np.testing.assert_allclose(found, expected, rtol=0.4)


def test_the_sky_takes_the_light_of_fogs_of_every_brightness(model):
    images = [texture(seed) for seed in range(60)]
    # Airlights are drawn evenly from 120 to 230 of 255; the sky was grey noise about the middle.
    assert split(weather_shift(model, images))["mean"][0].mean() == pytest.approx((120 + 230) / 255 - 1, abs=0.1)


@pytest.mark.parametrize("size", [(100, 70), (144, 300), (100, 300)])
def test_images_of_other_sizes_are_resized_as_for_inference(model, size):
    images = [np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8) for seed in range(2)]
    resized = [resize(image, SIZE) for image in images]
    np.testing.assert_array_equal(weather_shift(model, images), weather_shift(model, resized))


def test_the_same_images_give_the_same_shift(model):
    images = [texture(seed) for seed in range(3)]
    np.testing.assert_array_equal(weather_shift(model, images), weather_shift(model, iter(images)))
