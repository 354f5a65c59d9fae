"""The published schedule gives the masks that ours gives in as many steps, and does the work that it is said to do."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner

from camseg_core.autoencoders import KLAutoencoderConfig
from camseg_core.benchmarks.published_schedule import PublishedSchedule, all_conditions, nearest_palette_color
from camseg_core.cli.main import app
from camseg_core.labels import get_label_set
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict
from camseg_core.sampling import NoiseProcess


@pytest.fixture(scope="module")
def official_like(tiny_config) -> CamSeg:
    """Palette colours, one autoencoder for both, a learned variance, patches of one: as published, but tiny."""
    autoencoder = KLAutoencoderConfig(3, 4, (8, 8), norm_groups=4)
    return model_of(
        replace(
            tiny_config,
            label_set="cityscapes-camseg",
            input_height_px=24,
            input_width_px=32,
            image_autoencoder=autoencoder,
            mask_autoencoder=autoencoder,
            shared_autoencoder=True,
            mask_decoding="palette",
            patch_size=1,
            features=None,
            noise_process=NoiseProcess(prediction_type="epsilon", learned_variance=True),
        )
    )


@pytest.fixture(scope="module")
def small_like(tiny_config) -> CamSeg:
    """Classes as channels, features, patches of two: as ``camseg-small``, but tiny."""
    return model_of(replace(tiny_config, mask_shortcut=True))


def model_of(config) -> CamSeg:
    torch.manual_seed(0)
    model = CamSeg(config).eval()
    # A new head predicts zero whatever it is given; with other weights its work shows in the mask.
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["official_like", "small_like"])
def test_masks_are_those_of_ours_in_as_many_steps(name, image, request):
    model = request.getfixturevalue(name)
    height, width = model.input_size
    image = np.ascontiguousarray(image[:height, :width])
    published = PublishedSchedule(model, steps=100, seed=3).segment(image)
    ours = predict(model, image, SamplingSettings(100, "ddpm", seed=3)).labels
    assert len(np.unique(ours)) > 1
    # bfloat16 rounds a batch of two otherwise than one image.
    assert (published == ours).mean() > 0.97


@pytest.mark.parametrize("name", ["official_like", "small_like"])
def test_another_seed_gives_another_mask(name, image, request):
    model = request.getfixturevalue(name)
    height, width = model.input_size
    image = np.ascontiguousarray(image[:height, :width])
    masks = [PublishedSchedule(model, steps=10, seed=seed).segment(image) for seed in (0, 1)]
    assert (masks[0] != masks[1]).any()


def test_the_second_half_of_all_conditions_is_the_masks(small_like):
    pixels = torch.rand((1, 3, 48, 64)) * 2.0 - 1.0
    with torch.no_grad():
        conditions = all_conditions(small_like, pixels)
        mask = small_like.condition(small_like.encode_image(pixels, small_like.image_latent(pixels)))
    torch.testing.assert_close(conditions[1:], mask, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(conditions[:1], mask, atol=1e-3)


def test_head_works_on_image_and_mask_positions_in_every_step(official_like, image):
    """24 · 32 / 2² latent positions of each; the head's layers counted by hand for both."""
    image = np.ascontiguousarray(image[:24, :32])

    def flop(steps: int) -> int:
        with FlopCounterMode(display=False) as counter:
            PublishedSchedule(official_like, steps).segment(image)
        return counter.get_total_flops()

    positions, latent, width = 2 * (24 // 2) * (32 // 2), 4, 16
    timestep = 2 * (256 * width + width * width)
    per_position = (
        width * width  # condition
        + latent * width  # noisy latent
        + 2 * width * width  # the residual block's two layers
        + 3 * width * width  # its modulation
        + 2 * width * width  # the last modulation
        + width * 2 * latent  # noise and variance
    )
    assert flop(3) - flop(2) == timestep + 2 * positions * per_position


def test_colours_are_matched_to_the_nearest_of_the_palette():
    label_set = get_label_set("cityscapes-camseg")
    colors = np.array(label_set.colors, dtype=np.float32).T[:, None, :] / 127.5 - 1.0
    nudged = colors + np.float32(0.01)
    np.testing.assert_array_equal(nearest_palette_color(nudged, label_set)[0], np.arange(len(label_set)))


def test_command_compares_both_on_the_same_weights(tiny_model, tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    command = ["bench", "reference", "--device", "cpu", "--model", str(tiny_model), "--images", str(tmp_path)]
    command += ["--frames", "3", "--published-frames", "1", "--json", str(tmp_path / "a.json")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert figures["ratio"] == pytest.approx(figures["published"]["p50_ms"] / figures["ours"]["p50_ms"])
    assert figures["agreement"] > 0.97
    assert figures["ours"]["calls"] == 3
