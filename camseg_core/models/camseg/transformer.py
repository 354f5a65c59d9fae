"""Encoder–decoder over image and mask tokens with masked mask tokens (MAR, Li et al. 2024; CAM-Seg, section 3)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head self-attention with one joint qkv projection.

    Attributes:
        attend: of queries, keys and values, each (N, heads, tokens, width); what runs a model may have a faster one.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attend: Callable[[Tensor, Tensor, Tensor], Tensor] = functional.scaled_dot_product_attention
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor, first: int = 0) -> Tensor:
        """(N, L, width) → (N, L − first, width): what the tokens from ``first`` on gather from all tokens."""
        batch, length, width = tokens.shape
        if first == 0:
            query, key, value = self.qkv(tokens).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        else:
            query_weight, rest_weight = self.qkv.weight.split([width, 2 * width])
            query_bias, rest_bias = self.qkv.bias.split([width, 2 * width])
            query = functional.linear(tokens[:, first:], query_weight, query_bias)
            query = query.view(batch, length - first, self.heads, -1).transpose(1, 2)
            rest = functional.linear(tokens, rest_weight, rest_bias)
            key, value = rest.view(batch, length, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = self.attend(query, key, value)
        return self.proj(attended.transpose(1, 2).reshape(batch, length - first, width))


class Mlp(nn.Module):
    """Two linear layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, width) → (N, L, width)."""
        return self.fc2(functional.gelu(self.fc1(tokens)))


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, int(width * mlp_ratio))

    def forward(self, tokens: Tensor, first: int = 0) -> Tensor:
        """(N, L, width) → (N, L − first, width), the tokens from ``first`` on."""
        tokens = tokens[:, first:] + self.attn(self.norm1(tokens), first)
        return tokens + self.mlp(self.norm2(tokens))


class MaskedTransformer(nn.Module):
    """Conditions for the diffusion head from image tokens and the mask tokens that are visible.

    The sequence is the image tokens followed by the mask tokens, both row-major on the same grid. Masked positions are
    dropped before the encoder and filled with a learned token before the decoder.

    Args:
        token_channels: channels of an image token and of a mask token.
        grid: rows and columns that the learned position embeddings are made for; they are interpolated to others.
        mask_shortcut: start the decoder's masked tokens from the encoded image tokens of their places. Without it, as
            published, they all start alike but for their positions, and must learn by attention alone where to look.
    """

    def __init__(
        self,
        token_channels: tuple[int, int],
        grid: tuple[int, int],
        width: int,
        heads: int,
        mlp_ratio: float,
        encoder_blocks: int,
        decoder_blocks: int,
        mask_shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.mask_shortcut = mask_shortcut
        length = 2 * grid[0] * grid[1]
        self.image_projection = nn.Linear(token_channels[0], width)
        self.mask_projection = nn.Linear(token_channels[1], width)
        self.input_norm = nn.LayerNorm(width, eps=1e-6)
        self.encoder_position = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.encoder_blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(encoder_blocks))
        self.encoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(width, width)
        self.mask_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.decoder_position = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.decoder_blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(decoder_blocks))
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.diffusion_position = nn.Parameter(torch.randn(1, length, width) * 0.02)

    def encode(
        self,
        image_tokens: Tensor,
        grid: tuple[int, int],
        mask_tokens: Tensor | None = None,
        visible: Tensor | None = None,
        image_features: Tensor | None = None,
    ) -> Tensor:
        """Encoded visible tokens.

        Args:
            image_tokens: (N, L, image channels), L = rows × columns.
            grid: rows and columns of the tokens.
            mask_tokens: (N, L, mask channels), or None when every mask token is masked.
            visible: (N, V) indices into the L mask tokens, the visible ones; as many in each row.
            image_features: (N, L, width), added to the projected image tokens.

        Returns:
            (N, L + V, width): the image tokens, then the visible mask tokens.
        """
        image = self.image_projection(image_tokens)
        if image_features is not None:
            image = image + image_features
        position = self._positions(self.encoder_position, grid)
        tokens = image + position[:, : image.shape[1]]
        if mask_tokens is not None and visible is not None:
            shown = self.mask_projection(mask_tokens) + position[:, image.shape[1] :]
            tokens = torch.cat([tokens, _gather(shown, visible)], dim=1)
        tokens = self.input_norm(tokens)
        for block in self.encoder_blocks:
            tokens = block(tokens)
        return self.encoder_norm(tokens)

    def decode(
        self, encoded: Tensor, grid: tuple[int, int], visible: Tensor | None = None, mask_only: bool = False
    ) -> Tensor:
        """Conditions z.

        Args:
            encoded: (N, L + V, width) from ``encode``.
            grid: rows and columns of the tokens.
            visible: as given to ``encode``.
            mask_only: leave out the image positions' conditions, which segmentation does not need; the last block
                then attends from the mask positions alone.

        Returns:
            (N, 2 L, width): image positions first, then mask positions; with ``mask_only`` (N, L, width), the latter.
        """
        length = grid[0] * grid[1]
        embedded = self.decoder_embed(encoded)
        mask_tokens = self.mask_token.to(embedded.dtype).expand(embedded.shape[0], length, -1)
        if self.mask_shortcut:
            mask_tokens = mask_tokens + embedded[:, :length]
        if visible is not None:
            index = visible.unsqueeze(-1).expand(-1, -1, embedded.shape[-1])
            mask_tokens = mask_tokens.scatter(1, index, embedded[:, length:])
        tokens = torch.cat([embedded[:, :length], mask_tokens], dim=1) + self._positions(self.decoder_position, grid)
        first = length if mask_only else 0
        for block in self.decoder_blocks[:-1]:
            tokens = block(tokens)
        tokens = self.decoder_blocks[-1](tokens, first)
        return self.decoder_norm(tokens) + self._positions(self.diffusion_position, grid)[:, first:]

    def _positions(self, table: Tensor, grid: tuple[int, int]) -> Tensor:
        """The learned positions of both halves, interpolated to ``grid``: (1, 2 L, width)."""
        if grid == self.grid:
            return table
        maps = table.view(2, *self.grid, -1).permute(0, 3, 1, 2)
        resized = functional.interpolate(maps, size=grid, mode="bilinear", align_corners=False)
        return resized.permute(0, 2, 3, 1).reshape(1, 2 * grid[0] * grid[1], -1)


def _gather(tokens: Tensor, index: Tensor) -> Tensor:
    return tokens.gather(1, index.unsqueeze(-1).expand(-1, -1, tokens.shape[-1]))
