"""Sizes of the discriminative network."""

from dataclasses import dataclass, replace

from camseg_core.autoencoders import KLAutoencoderConfig
from camseg_core.models.camseg.configuration import FeatureConfig, camseg_small

ARCHITECTURE = "discriminative"


@dataclass(frozen=True)
class DiscriminativeConfig:
    """A per-pixel classifier on CAM-Seg's image features.

    Attributes:
        model_id: name under which results, weights and drift references refer to this model.
        label_set: name of the label set it predicts.
        input_height_px, input_width_px: size that frames are resized to.
        image_autoencoder: the frozen autoencoder whose latents join the features and feed the drift detector.
        patch_size: latent positions a transformer token spans in each direction.
        width, heads, mlp_ratio: of the transformer blocks.
        blocks: their number; with none, the tokens are the projected features of their own places.
        features: the multi-scale convolutional features.
        classifier_width, classifier_blocks: of the classifier's convolutions at the latents' resolution.
        fine_channels: of its convolutions at twice that resolution.
        architecture: tells this configuration from that of another system.
    """

    model_id: str
    label_set: str
    input_height_px: int
    input_width_px: int
    image_autoencoder: KLAutoencoderConfig
    patch_size: int
    width: int
    heads: int
    blocks: int
    features: FeatureConfig
    classifier_width: int
    classifier_blocks: int
    fine_channels: int
    mlp_ratio: float = 4.0
    architecture: str = ARCHITECTURE

    @property
    def token_stride_px(self) -> int:
        """Pixels a transformer token spans in each direction; frames are padded to a multiple of it."""
        return self.patch_size * self.image_autoencoder.downsampling

    @property
    def token_grid(self) -> tuple[int, int]:
        """Rows and columns of the token grid at the input size."""
        return -(-self.input_height_px // self.token_stride_px), -(-self.input_width_px // self.token_stride_px)


def discriminative_small() -> DiscriminativeConfig:
    """The counterpart of ``camseg-small``: the same in all that it shares, and as many parameters in all.

    The classifier takes the place of the diffusion head, the mask autoencoder and the mask tokens' positions. Its
    convolutions are as wide and as many as the head's blocks.
    """
    generative = camseg_small()
    assert generative.features is not None
    return DiscriminativeConfig(
        model_id="discriminative-small",
        label_set=generative.label_set,
        input_height_px=generative.input_height_px,
        input_width_px=generative.input_width_px,
        image_autoencoder=generative.image_autoencoder,
        patch_size=generative.patch_size,
        width=generative.width,
        heads=generative.heads,
        blocks=generative.encoder_blocks + generative.decoder_blocks,
        features=generative.features,
        classifier_width=generative.head_width,
        classifier_blocks=generative.head_blocks,
        fine_channels=generative.mask_autoencoder.block_channels[0],
    )


def feature_classifier() -> DiscriminativeConfig:
    """What ``camseg-small``'s features are trained with: no transformer and a small classifier."""
    return replace(
        discriminative_small(),
        model_id="features-small",
        blocks=0,
        classifier_width=96,
        classifier_blocks=0,
        fine_channels=24,
    )
