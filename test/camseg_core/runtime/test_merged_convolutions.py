"""A convolution that does what was done before it says the same."""

import pytest
import torch
from diffusers.models.upsampling import Upsample2D
from torch import nn

from camseg_core.runtime.merged_convolutions import merge_convolutions, with_space_to_depth, with_upsampling


@pytest.mark.parametrize(("channels", "out_channels", "size"), [(3, 3, (5, 7)), (4, 2, (1, 1))])
def test_one_that_upsamples_is_the_same_to_the_borders(channels, out_channels, size):
    torch.manual_seed(0)
    upsample = Upsample2D(channels, use_conv=True, out_channels=out_channels)
    maps = torch.randn(2, channels, *size)
    with torch.no_grad():
        torch.testing.assert_close(with_upsampling(upsample)(maps), upsample(maps))


@pytest.mark.parametrize("factor", [2, 3])
def test_one_that_takes_positions_as_channels_is_the_same(factor):
    torch.manual_seed(0)
    unshuffle, conv = nn.PixelUnshuffle(factor), nn.Conv2d(5 * factor**2, 4, 1)
    maps = torch.randn(2, 5, 12, 18)
    with torch.no_grad():
        torch.testing.assert_close(with_space_to_depth(unshuffle, conv)(maps), conv(unshuffle(maps)))


def test_a_model_is_changed_where_it_can_be_and_nowhere_else():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(32, 8, 1)),
        Upsample2D(8, use_conv=True),
    )
    maps = torch.randn(1, 3, 6, 8)
    with torch.no_grad():
        expected = model(maps)
        merge_convolutions(model)
        torch.testing.assert_close(model(maps), expected)
    assert [type(layer) for layer in model] == [nn.Conv2d, nn.Conv2d, nn.ConvTranspose2d]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 3, padding=1)),
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 1, bias=False)),
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(16, 4, 1, groups=4)),
        Upsample2D(4),
        Upsample2D(4, use_conv=True, kernel_size=5, padding=2),
        Upsample2D(4, use_conv=True, interpolate=False),
        Upsample2D(4, use_conv_transpose=True),
        Upsample2D(4, use_conv=True, norm_type="ln_norm"),
        Upsample2D(4, use_conv=True, name="Conv2d_0"),
    ],
)
def test_what_cannot_be_merged_stays(layer):
    model = nn.Sequential(layer)
    merge_convolutions(model)
    assert model[0] is layer
