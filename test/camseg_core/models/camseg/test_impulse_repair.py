"""Impulse noise is taken out of images; whatever else they are, they stay as they are."""

import numpy as np
import pytest
import torch
from torch import Tensor

from camseg_core.corruptions.noise import gaussian_noise, salt_and_pepper
from camseg_core.models.camseg.configuration import camseg_small
from camseg_core.models.camseg.features import FeatureStem
from camseg_core.models.camseg.impulse_repair import repair_impulses
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.random_weights import camseg_tiny
from camseg_core.models.discriminative.configuration import discriminative_small
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.settings import SamplingSettings


def as_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 127.5 - 1.0


@pytest.fixture
def flat() -> np.ndarray:
    return np.full((64, 96, 3), (60, 128, 200), dtype=np.uint8)


@pytest.fixture
def textured() -> np.ndarray:
    """Stripes from nearly black to nearly white, a few pixels wide, and a sky at the end of the scale."""
    wave = 127.5 + 120.0 * np.sin(np.arange(96) / 3.0)
    image = np.repeat(np.tile(wave, (64, 1))[..., None], 3, axis=2).astype(np.uint8)
    image[:20] = 255
    return image


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_a_flat_image_is_whole_again_wherever_a_value_was_left(flat, share):
    spoilt = salt_and_pepper(flat, share, np.random.default_rng(0))
    repaired = repair_impulses(as_tensor(spoilt))
    kept = (spoilt == flat).astype(np.float64)
    around = np.pad(kept, ((1, 1), (1, 1), (0, 0)))
    left = sum(around[row : row + 64, column : column + 96] for row in range(3) for column in range(3)) > 0
    error = (repaired - as_tensor(flat))[0].abs().permute(1, 2, 0).numpy()
    assert left.mean() > 0.99
    assert error[left].max() < 1e-5


def test_an_impulse_becomes_the_mean_of_the_untouched_values_beside_it():
    image = torch.tensor([[0.0, 0.2, 0.4, 0.6], [0.1, 1.0, -1.0, 0.5], [0.2, 0.3, 0.1, 0.3]])
    repaired = repair_impulses(image[None, None])[0, 0]
    assert repaired[1, 1].item() == pytest.approx((0.0 + 0.2 + 0.4 + 0.1 + 0.2 + 0.3 + 0.1) / 7)
    assert repaired[1, 2].item() == pytest.approx((0.2 + 0.4 + 0.6 + 0.5 + 0.3 + 0.1 + 0.3) / 7)
    untouched = image.abs() < 1.0
    assert torch.equal(repaired[untouched], image[untouched])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_clean_image_stays_as_it_is(textured, dtype):
    image = as_tensor(textured).to(dtype)
    assert repair_impulses(image).dtype == dtype
    assert torch.equal(repair_impulses(image), image)


@pytest.mark.parametrize("sigma", [0.1, 0.2, 0.38])
def test_white_noise_stays_as_it_is_also_where_it_reaches_both_ends_of_the_scale(flat, sigma):
    noisy = as_tensor(gaussian_noise(flat, sigma, np.random.default_rng(1)))
    assert torch.equal(repair_impulses(noisy), noisy)


def test_pepper_in_an_overexposed_sky_becomes_nearly_as_bright_as_it(textured):
    spoilt = salt_and_pepper(textured, 0.1, np.random.default_rng(2))
    sky = repair_impulses(as_tensor(spoilt))[0, :, 1:19]
    pepper = as_tensor(spoilt)[0, :, 1:19] == -1.0
    # Of nine values, one is black, and rarely more: the mean is 7/9 or a little less.
    assert sky[pepper].mean().item() == pytest.approx(7 / 9 - 2 * 8 * 0.05 / 9, abs=0.03)


def test_each_image_is_judged_for_itself(flat, textured):
    spoilt = salt_and_pepper(flat, 0.3, np.random.default_rng(3))
    both = torch.cat([as_tensor(textured), as_tensor(spoilt)])
    repaired = repair_impulses(both)
    assert torch.equal(repaired[0], both[0])
    assert torch.equal(repaired[1], repair_impulses(both[1:])[0])
    assert not torch.equal(repaired[1], both[1])


def test_features_of_a_spoilt_image_are_nearly_those_of_the_clean_one(flat):
    config = camseg_small()
    stem = FeatureStem(config.features, config.image_autoencoder.latent_channels).eval()
    latent = torch.zeros(1, config.image_autoencoder.latent_channels, 8, 12)
    spoilt = as_tensor(salt_and_pepper(flat, 0.2, np.random.default_rng(4)))
    with torch.no_grad():
        clean, repaired = stem(as_tensor(flat), latent), stem(repair_impulses(spoilt), latent)
    for wanted, got in zip(clean, repaired, strict=True):
        assert (got - wanted).abs().mean() < 0.02 * wanted.abs().mean()


@pytest.mark.parametrize("make", [lambda: CamSeg(camseg_tiny()), lambda: DiscriminativeNetwork(discriminative_small())])
def test_features_are_of_the_repaired_image_and_latents_of_the_spoilt_one(make):
    model = make().eval()
    height, width = model.input_size
    gray = np.full((height, width, 3), 128, dtype=np.uint8)
    spoilt = model.pad(as_tensor(salt_and_pepper(gray, 0.2, np.random.default_rng(4))))
    seen = []
    model.stem.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    model.segment(spoilt, SamplingSettings())
    (image, latent_of_features), *_ = seen
    assert torch.equal(image, repair_impulses(spoilt))
    assert not torch.equal(image, spoilt)
    with torch.no_grad():
        assert torch.equal(latent_of_features, model.image_autoencoder.encode(spoilt).mean)
