"""Per-token diffusion MLP with adaptive layer norm (MAR, Li et al. 2024, section 4.2)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FREQUENCY_CHANNELS = 256


class TimestepEmbedding(nn.Module):
    """Sinusoid of the timestep, then a small MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCY_CHANNELS, width), nn.SiLU(), nn.Linear(width, width))
        half = FREQUENCY_CHANNELS // 2
        frequencies = torch.exp(-math.log(10000.0) * torch.arange(half, dtype=torch.float32) / half)
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, timesteps: Tensor) -> Tensor:
        """(M,) timesteps → (M, width)."""
        angles = timesteps[:, None].float() * self.frequencies[None]
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))


class Modulation(nn.Linear):
    """A linear layer whose output is taken apart, by a product for each part.

    As views of one joint product the parts would be strided, and arithmetic with them four times as slow on a CPU.
    """

    def __init__(self, width: int, parts: int) -> None:
        super().__init__(width, parts * width)
        self.parts = parts

    def forward(self, condition: Tensor) -> list[Tensor]:  # type: ignore[override]
        """(M, width) → ``parts`` times (M, width)."""
        weights, biases = self.weight.chunk(self.parts), self.bias.chunk(self.parts)
        return [functional.linear(condition, weight, bias) for weight, bias in zip(weights, biases, strict=True)]


class ResidualBlock(nn.Module):
    """Layer norm, shift and scale by the condition, two linear layers, gated residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_ln = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.modulation = Modulation(width, 3)

    def forward(self, hidden: Tensor, activated_condition: Tensor) -> Tensor:
        """(M, width), (M, width) → (M, width)."""
        shift, scale, gate = self.modulation(activated_condition)
        return hidden + gate * self.mlp(self.in_ln(hidden) * (1 + scale) + shift)


class DiffusionHead(nn.Module):
    """Denoises each latent position by itself, given its condition.

    Args:
        latent_channels: channels of a position's latent.
        output_channels: channels predicted; twice the latent's where a variance is learned.
        condition_channels: channels of the condition z.
        width: of the MLP.
        blocks: residual blocks.
    """

    def __init__(
        self, latent_channels: int, output_channels: int, condition_channels: int, width: int, blocks: int
    ) -> None:
        super().__init__()
        self.time_embed = TimestepEmbedding(width)
        self.cond_embed = nn.Linear(condition_channels, width)
        self.input_proj = nn.Linear(latent_channels, width)
        residual_blocks = [ResidualBlock(width) for _ in range(blocks)]
        self.res_blocks = nn.ModuleList(residual_blocks)
        self.final_norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.final_modulation = Modulation(width, 2)
        self.final_linear = nn.Linear(width, output_channels)
        # Zero gates and output: every block starts as the identity (DiT, Peebles and Xie 2023).
        for layer in [*(block.modulation for block in residual_blocks), self.final_modulation, self.final_linear]:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, noisy: Tensor, timesteps: Tensor, condition: Tensor) -> Tensor:
        """Prediction for noisy latents.

        Args:
            noisy: (M, latent_channels).
            timesteps: (M,) or (1,) for one timestep for all.
            condition: (M, condition_channels).

        Returns:
            (M, output_channels).
        """
        activated = functional.silu(self.time_embed(timesteps) + self.cond_embed(condition))
        hidden = self.input_proj(noisy)
        for block in self.res_blocks:
            hidden = block(hidden, activated)
        shift, scale = self.final_modulation(activated)
        return self.final_linear(self.final_norm(hidden) * (1 + scale) + shift)
