"""Masks as class channels and as pictures."""

import numpy as np
import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CITYSCAPES, CITYSCAPES_CAMSEG, UNLABELLED, get_label_set
from camseg_core.models.camseg.mask_codec import MASK_CODECS, make_mask_codec

# The published palette, id by id.
PALETTE = [
    (0, 0, 0), (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153),
    (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152), (0, 130, 180), (220, 20, 60), (255, 0, 0),
    (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
]  # fmt: skip


def test_label_set_is_the_published_palette_with_the_names_of_cityscapes():
    label_set = get_label_set("cityscapes-camseg")
    assert list(label_set.colors) == PALETTE
    assert label_set.names == ("void", *CITYSCAPES.names)


@pytest.mark.parametrize("name", sorted(MASK_CODECS))
def test_what_is_encoded_is_decoded(name):
    codec = make_mask_codec(name, CITYSCAPES_CAMSEG)
    labels = torch.arange(20).view(1, 4, 5)
    assert torch.equal(codec.logits(codec.encode(labels)).argmax(dim=1), labels)


def test_palette_is_drawn_between_minus_one_and_one():
    drawn = make_mask_codec("palette", CITYSCAPES_CAMSEG).encode(torch.tensor([[[1, 13, 0, UNLABELLED]]]))
    expected = torch.tensor([PALETTE[1], PALETTE[13], PALETTE[0], (0, 0, 0)]).T.view(1, 3, 1, 4) / 127.5 - 1.0
    torch.testing.assert_close(drawn, expected, atol=1e-4, rtol=0.0)


def test_nearest_colour_as_published():
    # numpy's Euclidean norm to the colours rounded to four digits; decoded pictures leave [−1, 1], and are not clipped.
    decoded = torch.randn((2, 3, 16, 16), generator=torch.Generator().manual_seed(0)) * 1.5
    pixels = decoded.permute(0, 2, 3, 1).numpy() * 0.5 + 0.5
    distances = np.linalg.norm(pixels[..., None, :] - np.round(np.array(PALETTE) / 255.0, 4), axis=-1)
    logits = make_mask_codec("palette", CITYSCAPES_CAMSEG).logits(decoded)
    np.testing.assert_array_equal(logits.argmax(dim=1).numpy(), distances.argmin(axis=-1))
    # The nearest two colours are those of bus and train, 20 of 255 apart; half of that is the standard deviation.
    expected = -(distances**2) / (2 * (10 / 255) ** 2)
    np.testing.assert_allclose(logits.permute(0, 2, 3, 1).numpy(), expected, rtol=2e-3, atol=1e-3)


def test_softmax_is_in_doubt_halfway_between_two_colours_and_sure_of_one():
    bus, train = np.array(PALETTE[16]), np.array(PALETTE[17])
    drawn = torch.tensor(np.stack([(bus + train) / 2, PALETTE[1]], axis=1) / 127.5 - 1.0).view(1, 3, 1, 2)
    certainty = make_mask_codec("palette", CITYSCAPES_CAMSEG).logits(drawn).softmax(dim=1).amax(dim=1).flatten()
    assert certainty.tolist() == pytest.approx([0.5, 1.0], abs=0.01)


def test_unknown_decoding_is_named():
    with pytest.raises(ConfigurationError, match=r"mask decoding 'colour' is unknown.*classes.*palette"):
        make_mask_codec("colour", CITYSCAPES_CAMSEG)
