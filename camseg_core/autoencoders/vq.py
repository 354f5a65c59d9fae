"""Vector-quantised autoencoder (VQ-VAE, van den Oord et al., 2017) with the KL autoencoder's layers."""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.vae import Decoder, Encoder
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders.base import Autoencoder, AutoencoderConfig

DECAY = 0.99
"""Of the moving averages that the codes follow (van den Oord et al., 2017, appendix A.1)."""

DEAD_SHARE = 0.03
"""A code that is taken less often than this share of the mean is dead."""


@dataclass(frozen=True)
class VQAutoencoderConfig(AutoencoderConfig):
    """Size of a vector-quantised autoencoder.

    Attributes:
        codes: vectors in the codebook. The default makes it as large as a KL autoencoder of ``camseg-small``'s size,
            which has a second half of moments instead.
    """

    codes: int = 1024


@dataclass(frozen=True)
class Quantized:
    """Latents after quantisation.

    Attributes:
        latent: (N, C, h, w) float32, the nearest codes; gradients pass straight through to the encoder.
        codes: (N, h, w) int64, which codes they are.
        commitment: mean squared distance of the encoder's outputs from their codes, scalar, which draws the outputs to
            the codes and not the reverse.
    """

    latent: Tensor
    codes: Tensor
    commitment: Tensor


class VectorQuantizer(nn.Module):
    """Replaces each vector by the nearest code.

    In training the codes follow the mean of the vectors that take them. Dead codes are moved onto vectors of the batch,
    the badly matched ones first (k-means++, Arthur and Vassilvitskii 2007): figures of a collapsed codebook would say
    more of its first values than of quantisation. The first batch finds all codes dead, and they start on its vectors.
    """

    def __init__(self, codes: int, channels: int) -> None:
        super().__init__()
        self.codebook: Tensor
        self.counts: Tensor
        self.totals: Tensor
        self.register_buffer("codebook", torch.randn(codes, channels))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("totals", torch.zeros(codes, channels))

    def forward(self, outputs: Tensor, generator: torch.Generator | None = None) -> Quantized:
        """Quantise the encoder's outputs, (N, C, h, w); ``generator`` chooses where dead codes go in training."""
        batch, channels, rows, columns = outputs.shape
        # Distances of bfloat16 numbers are too coarse to tell near codes apart.
        with torch.autocast(outputs.device.type, enabled=False):
            outputs = outputs.float()
            vectors = outputs.permute(0, 2, 3, 1).reshape(-1, channels)
            distances, taken = self._nearest(vectors)
            if self.training:
                if self._revive(vectors.detach(), distances, generator):
                    _, taken = self._nearest(vectors)
                self._follow(vectors.detach(), taken)
            nearest = self.codebook[taken].view(batch, rows, columns, channels).permute(0, 3, 1, 2)
            commitment = (outputs - nearest).square().mean()
            return Quantized(outputs + (nearest - outputs).detach(), taken.view(batch, rows, columns), commitment)

    @torch.no_grad()
    def _nearest(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Squared distance to and index of the nearest code of each of (M, C) vectors."""
        # |v − c|² without |v|², which is the same for all codes and would only cost digits.
        scores = self.codebook.square().sum(dim=1) - 2.0 * vectors @ self.codebook.t()
        lowest, taken = scores.min(dim=1)
        return (lowest + vectors.square().sum(dim=1)).clamp_min(0.0), taken

    @torch.no_grad()
    def _revive(self, vectors: Tensor, distances: Tensor, generator: torch.Generator | None) -> bool:
        mean = vectors.shape[0] / self.counts.shape[0]
        dead = self.counts < DEAD_SHARE * mean
        count = int(dead.sum())
        if count == 0:
            return False
        # The small addend leaves something to choose from where every vector has its code.
        chosen = torch.multinomial(distances + 1e-6, count, replacement=True, generator=generator)
        self.codebook[dead] = vectors[chosen]
        self.counts[dead] = mean
        self.totals[dead] = vectors[chosen] * mean
        return True

    @torch.no_grad()
    def _follow(self, vectors: Tensor, taken: Tensor) -> None:
        counts = torch.bincount(taken, minlength=self.counts.shape[0]).float()
        totals = torch.zeros_like(self.totals).index_add_(0, taken, vectors)
        self.counts.lerp_(counts, 1.0 - DECAY)
        self.totals.lerp_(totals, 1.0 - DECAY)
        self.codebook.copy_(self.totals / self.counts.unsqueeze(1))


class VQAutoencoder(Autoencoder):
    """The layers of the KL autoencoder with a codebook for a bottleneck."""

    def __init__(self, config: VQAutoencoderConfig) -> None:
        super().__init__()
        self.config: VQAutoencoderConfig = config
        channels = config.latent_channels
        self.encoder = Encoder(config.depth, channels, double_z=False, **config.encoder_layers())
        self.quant_conv = nn.Conv2d(channels, channels, 1)
        self.quantizer = VectorQuantizer(config.codes, channels)
        self.post_quant_conv = nn.Conv2d(channels, channels, 1)
        self.decoder = Decoder(channels, config.depth, **config.decoder_layers())

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Quantized:
        """Quantised latents of (N, channels, H, W) pixels; H and W multiples of ``config.downsampling``."""
        outputs = self.quant_conv(self.encoder(functional.pixel_unshuffle(pixels, self.config.pixel_unshuffle)))
        return self.quantizer(outputs, generator)

    def latent(self, pixels: Tensor) -> Tensor:
        """See Autoencoder: the nearest codes."""
        return self.encode(pixels).latent

    def training_latent(self, pixels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See Autoencoder: the nearest codes, and the commitment loss."""
        quantized = self.encode(pixels, generator)
        return quantized.latent, quantized.commitment

    def decode(self, latent: Tensor) -> Tensor:
        """See Autoencoder."""
        return functional.pixel_shuffle(self.decoder(self.post_quant_conv(latent)), self.config.pixel_unshuffle)
