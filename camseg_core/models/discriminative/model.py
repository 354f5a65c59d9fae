"""Image features, transformer, per-pixel classifier."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders import KLAutoencoder
from camseg_core.autoencoders.padding import pad_to_multiple
from camseg_core.labels import get_label_set
from camseg_core.models.base import PreparedImages, SegmentationModel
from camseg_core.models.camseg.features import ConditionFusion, ConvolutionBlock, FeatureStem
from camseg_core.models.camseg.impulse_repair import repair_impulses
from camseg_core.models.camseg.transformer import Block
from camseg_core.models.discriminative.configuration import DiscriminativeConfig
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.stages import stage


class ImageTransformer(nn.Module):
    """Pre-norm transformer over image tokens with learned positions (ViT, Dosovitskiy et al. 2021)."""

    def __init__(self, config: DiscriminativeConfig) -> None:
        super().__init__()
        width = config.width
        channels = config.patch_size**2 * config.image_autoencoder.latent_channels
        self.latent_projection = nn.Conv2d(channels, width, 1)
        self.feature_projection = nn.Conv2d(config.features.channels[-1], width, 1)
        self.position = nn.Parameter(torch.randn(1, width, *config.token_grid) * 0.02)
        self.input_norm = nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.mlp_ratio) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, latent: Tensor, features: Tensor) -> Tensor:
        """(N, width, h, w) of the latent in patches (N, patch² C, h, w) and features (N, channels, h, w)."""
        position: Tensor = self.position
        if position.shape[-2:] != latent.shape[-2:]:
            position = functional.interpolate(position, size=latent.shape[-2:], mode="bilinear", align_corners=False)
        maps = self.latent_projection(latent) + self.feature_projection(features) + position
        tokens = self.input_norm(maps.flatten(2).transpose(1, 2))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).transpose(1, 2).unflatten(2, maps.shape[-2:])


class PixelClassifier(nn.Module):
    """Convolutions at the resolution of the features, a few at twice that, and the logits of all pixels.

    Args:
        channels: of the features.
        width: of the convolutions at their resolution.
        blocks: number of residual blocks there.
        fine_channels: of the convolutions at twice their resolution.
        classes: number of logits of a pixel.
        upsampling: pixels that a feature spans in each direction, a multiple of 2.
    """

    def __init__(
        self, channels: int, width: int, blocks: int, fine_channels: int, classes: int, upsampling: int
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.SiLU(),
            *(ConvolutionBlock(width) for _ in range(blocks)),
            nn.Conv2d(width, 4 * fine_channels, 1),
            nn.PixelShuffle(2),
            ConvolutionBlock(fine_channels),
            nn.Conv2d(fine_channels, classes * (upsampling // 2) ** 2, 3, padding=1),
            nn.PixelShuffle(upsampling // 2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, h, w) → (N, classes, upsampling h, upsampling w)."""
        return self.layers(features)


class DiscriminativeNetwork(SegmentationModel):
    """Classifies every pixel in one pass; nothing is drawn, so that sampling settings change nothing."""

    def __init__(self, config: DiscriminativeConfig) -> None:
        super().__init__()
        self.config = config
        self.model_id = config.model_id
        self.label_set = get_label_set(config.label_set)
        self.input_size = (config.input_height_px, config.input_width_px)
        self.image_autoencoder = KLAutoencoder(config.image_autoencoder).requires_grad_(False)
        self.stem = FeatureStem(config.features, config.image_autoencoder.latent_channels)
        self.transformer = ImageTransformer(config)
        self.fusion = ConditionFusion(config.features, config.width)
        self.classifier = PixelClassifier(
            config.features.condition_channels,
            config.classifier_width,
            config.classifier_blocks,
            config.fine_channels,
            len(self.label_set),
            config.image_autoencoder.downsampling,
        )

    def pad(self, images: Tensor) -> Tensor:
        """Repeat the last row and column until height and width are multiples of the token stride."""
        return pad_to_multiple(images, self.config.token_stride_px)

    def forward(self, images: Tensor, latent: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of padded (N, 3, H, W) images in [−1, 1] and their ``image_latent``."""
        quarter, eighth, sixteenth = self.stem(repair_impulses(images), latent)
        tokens = self.transformer(functional.pixel_unshuffle(latent, self.config.patch_size), sixteenth)
        return self.classifier(self.fusion(tokens, quarter, eighth))

    @torch.no_grad()
    def image_latent(self, images: Tensor) -> Tensor:
        """See SegmentationModel."""
        with stage("image_encoder", images.device):
            return self.image_autoencoder.encode(self.pad(images)).mean.float()

    def inference_parts(self) -> list[nn.Module]:
        """See SegmentationModel."""
        return [self.image_autoencoder.network.encoder, self.stem, self.transformer, self.fusion, self.classifier]

    @torch.no_grad()
    def prepare(self, images: Tensor, image_latent: Tensor) -> PreparedImages:
        """See SegmentationModel; the logits are all there is to the masks."""
        height, width = images.shape[-2:]
        logits = self(self.pad(images), image_latent)
        return PreparedImages(image_latent, (logits[..., :height, :width],), (height, width))

    @torch.no_grad()
    def draw(self, prepared: PreparedImages, sampling: SamplingSettings) -> Tensor:
        """See SegmentationModel; the same for every seed and number of steps."""
        return prepared.conditions[0]
