"""Position embeddings on other grids; what masking hides."""

import torch

from camseg_core.models.camseg.transformer import MaskedTransformer


def make_transformer(mask_shortcut: bool = False) -> MaskedTransformer:
    torch.manual_seed(0)
    return MaskedTransformer(
        token_channels=(4, 4),
        grid=(4, 6),
        width=16,
        heads=2,
        mlp_ratio=2.0,
        encoder_blocks=1,
        decoder_blocks=1,
        mask_shortcut=mask_shortcut,
    ).eval()


@torch.no_grad()
def test_a_masked_mask_token_has_no_influence():
    transformer = make_transformer()
    image, mask = torch.randn(1, 24, 4), torch.randn(1, 24, 4)
    visible = torch.tensor([[3, 7]])
    other = mask.clone()
    other[:, [0, 1, 20]] += 5.0

    def conditions(tokens):
        return transformer.decode(transformer.encode(image, (4, 6), tokens, visible), (4, 6), visible)

    assert torch.equal(conditions(mask), conditions(other))
    other[:, 3] += 5.0
    assert not torch.allclose(conditions(mask), conditions(other))


@torch.no_grad()
def test_positions_are_interpolated_to_another_grid():
    transformer = make_transformer()
    # A linear ramp over the rows stays the same ramp, sampled at the new pixel centres.
    rows = (torch.arange(4) + 0.5) / 4
    transformer.encoder_position.copy_(rows.view(1, 1, 4, 1, 1).expand(1, 2, 4, 6, 16).reshape(1, 48, 16))
    doubled = transformer._positions(transformer.encoder_position, (8, 12)).view(2, 8, 12, 16)
    inner = ((torch.arange(8) + 0.5) / 8)[1:-1]  # the outermost centres lie beyond the ramp's ends and repeat them
    torch.testing.assert_close(doubled[0, 1:-1, 0, 0], inner)
    torch.testing.assert_close(doubled[1, 1:-1, 5, 3], inner)


@torch.no_grad()
def test_any_grid_gives_one_condition_per_position():
    transformer = make_transformer()
    encoded = transformer.encode(torch.randn(2, 15, 4), (3, 5))
    assert transformer.decode(encoded, (3, 5)).shape == (2, 30, 16)


@torch.no_grad()
def test_mask_conditions_alone_are_those_among_all():
    transformer = make_transformer()
    visible = torch.tensor([[3, 7]])
    encoded = transformer.encode(torch.randn(1, 24, 4), (4, 6), torch.randn(1, 24, 4), visible)
    everything = transformer.decode(encoded, (4, 6), visible)
    torch.testing.assert_close(transformer.decode(encoded, (4, 6), visible, mask_only=True), everything[:, 24:])


@torch.no_grad()
def test_only_the_shortcut_and_the_positions_tell_masked_tokens_apart():
    def conditions(mask_shortcut):
        transformer = make_transformer(mask_shortcut)
        for positions in (transformer.encoder_position, transformer.decoder_position, transformer.diffusion_position):
            positions.zero_()
        encoded = transformer.encode(torch.randn(1, 24, 4, generator=torch.Generator().manual_seed(1)), (4, 6))
        return transformer.decode(encoded, (4, 6), mask_only=True)[0]

    alike = conditions(mask_shortcut=False)
    # Equal queries gather equal answers, whatever the image.
    torch.testing.assert_close(alike, alike[:1].expand_as(alike))
    assert conditions(mask_shortcut=True).var(dim=0).mean() > 0.1
