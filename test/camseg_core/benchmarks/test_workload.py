"""Operations and bytes are those that a person counts from the sizes of the layers."""

import pytest
import torch

from camseg_core.benchmarks.ceilings import Ceilings
from camseg_core.benchmarks.workload import Workload, count_workload, floor
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings


@pytest.fixture(scope="module")
def model(tiny_config) -> CamSeg:
    torch.manual_seed(0)
    return CamSeg(tiny_config).eval()


def linear(rows: int, inputs: int, outputs: int) -> int:
    return 2 * rows * inputs * outputs


def convolution(height: int, width: int, inputs: int, outputs: int, kernel: int = 3) -> int:
    return 2 * height * width * inputs * outputs * kernel**2


def image_encoder(config) -> int:
    """KL encoder at 1/4 and 1/8 of 48×64: first convolution, two residual blocks a level and in the middle, moments."""
    width, latent = 8, 4
    fine, coarse = (12, 16), (6, 8)
    return (
        convolution(*fine, 3 * 16, width)
        + 2 * convolution(*fine, width, width)  # the residual block of the first level
        + convolution(*coarse, width, width)  # halves the resolution
        + 2 * convolution(*coarse, width, width)  # the residual block of the second level
        + 4 * convolution(*coarse, width, width)  # the two of the middle
        + convolution(*coarse, width, 2 * latent)
        + convolution(*coarse, 2 * latent, 2 * latent, kernel=1)
    )


def transformer(config) -> int:
    """One encoder block on the 12 image tokens, one decoder block that attends from the 12 mask tokens to all 24."""
    width, tokens = 16, 12
    hidden = 4 * width
    encoder = linear(tokens, width, 3 * width) + 2 * linear(tokens, width, tokens) + linear(tokens, width, width)
    decoder = linear(tokens, width, width) + linear(2 * tokens, width, 2 * width)
    decoder += 2 * linear(tokens, width, 2 * tokens) + linear(tokens, width, width)
    mlp = linear(tokens, width, hidden) + linear(tokens, hidden, width)
    projections = linear(tokens, 4 * 4, width) + linear(tokens, 8, width)  # patches of the latent, features
    return projections + encoder + mlp + linear(tokens, width, width) + decoder + mlp


def features(config) -> int:
    half, quarter, eighth, sixteenth, condition, width = 4, 6, 8, 8, 8, 16
    fine = quarter + quarter // 3
    stem = convolution(24, 32, 3, half) + convolution(12, 16, half, quarter) + 2 * convolution(12, 16, quarter, quarter)
    stem += convolution(6, 8, quarter, eighth) + convolution(6, 8, 4, eighth, kernel=1)
    stem += 2 * convolution(6, 8, eighth, eighth)
    stem += convolution(3, 4, eighth, sixteenth) + 2 * convolution(3, 4, sixteenth, sixteenth)
    fusion = convolution(3, 4, width, eighth, kernel=1) + convolution(6, 8, 4 * quarter, fine, kernel=1)
    fusion += convolution(6, 8, 2 * eighth + fine, condition) + 2 * convolution(6, 8, condition, condition)
    return stem + fusion


def head_step(config) -> int:
    positions, latent, condition, width = 48, 4, 8, 16
    timestep = linear(1, 256, width) + linear(1, width, width)
    block = 2 * linear(positions, width, width) + linear(positions, width, 3 * width)
    ends = linear(positions, condition, width) + linear(positions, latent, width)
    ends += linear(positions, width, 2 * width) + linear(positions, width, latent)
    return timestep + block + ends


def mask_decoder(config) -> int:
    """KL decoder, the encoder's mirror image but for one more residual block a level."""
    width, latent, classes = 8, 4, 11
    fine, coarse = (12, 16), (6, 8)
    return (
        convolution(*coarse, latent, latent, kernel=1)
        + convolution(*coarse, latent, width)
        + 8 * convolution(*coarse, width, width)  # the residual blocks of the middle and of the first level
        # Positions are repeated and convolved 3×3, in which each of four outputs meets four different positions.
        + convolution(*fine, width, width, kernel=2)
        + 4 * convolution(*fine, width, width)  # the residual blocks of the second level
        + convolution(*fine, width, 16 * classes)
    )


def test_operations_before_drawing_are_those_of_the_layers(model):
    counted = count_workload(model, SamplingSettings(), images=1, bytes_per_value=2)
    assert counted.image_encoder_flop == image_encoder(model.config)
    assert counted.condition_flop == features(model.config) + transformer(model.config)


def test_operations_of_a_draw_are_those_of_one_pass_of_the_head_and_of_the_decoder(model):
    counted = count_workload(model, SamplingSettings(), images=1, bytes_per_value=2)
    assert counted.draw_flop == head_step(model.config) + mask_decoder(model.config)


def test_each_denoising_step_costs_one_pass_of_the_head(model):
    one, four = (count_workload(model, SamplingSettings(steps), 1, 2).draw_flop for steps in (1, 4))
    # What never changes between steps may be computed once; what does, the noisy latents, may not.
    assert four - one <= 3 * head_step(model.config)
    assert four - one >= 3 * (head_step(model.config) - linear(48, 8, 16))


def test_operations_grow_with_the_batch(model):
    one, three = (count_workload(model, SamplingSettings(), images, 2) for images in (1, 3))
    assert three.image_encoder_flop == 3 * one.image_encoder_flop


def test_bytes_are_weights_that_are_read_image_and_mask(model):
    unused = [
        *model.image_autoencoder.network.decoder.parameters(),
        *model.mask_autoencoder.network.encoder.parameters(),
    ]
    unused += [*model.image_autoencoder.network.post_quant_conv.parameters()]
    unused += [*model.mask_autoencoder.network.quant_conv.parameters(), *model.transformer.mask_projection.parameters()]
    values = sum(value.numel() for value in model.parameters()) - sum(value.numel() for value in unused)
    assert count_workload(model, SamplingSettings(), 1, 2).bytes == 2 * values + 48 * 64 * (3 + 1)


def test_floor_is_the_longer_of_arithmetic_and_memory():
    ceilings = Ceilings("bfloat16", matmul_flop_per_s=1e12, convolution_flop_per_s=2e12, copy_bytes_per_s=1e9)
    found = floor(Workload(1_000_000_000, 2_000_000_000, 3_000_000_000, bytes=4_000_000), ceilings)
    assert found.arithmetic_ms == pytest.approx(3.0)
    assert found.memory_ms == pytest.approx(4.0)
    assert found.ms == pytest.approx(4.0)
