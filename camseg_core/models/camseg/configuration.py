"""Sizes of a CAM-Seg model."""

from dataclasses import dataclass, field

from camseg_core.autoencoders import KLAutoencoderConfig
from camseg_core.sampling import NoiseProcess

ARCHITECTURE = "camseg"


@dataclass(frozen=True)
class FeatureConfig:
    """Convolutional image features beside the frozen latents, at 1/4, 1/8 and 1/16 of the image size.

    Attributes:
        channels: widths at 1/2, 1/4, 1/8 and 1/16.
        blocks: residual blocks at 1/4, 1/8 and 1/16.
        condition_channels: width of the condition handed to the diffusion head.
    """

    channels: tuple[int, int, int, int] = (24, 48, 96, 192)
    blocks: tuple[int, int, int] = (2, 2, 2)
    condition_channels: int = 128


@dataclass(frozen=True)
class CamSegConfig:
    """A CAM-Seg model (arXiv 2503.15617).

    Attributes:
        model_id: name under which results, weights and drift references refer to this model.
        label_set: name of the label set it predicts.
        input_height_px, input_width_px: size that frames are resized to.
        image_autoencoder, mask_autoencoder: the two frozen autoencoders; both must downsample by the same factor.
        shared_autoencoder: whether one autoencoder does both; the two configurations are equal then.
        mask_decoding: what the mask autoencoder draws, a name in ``camseg_core.models.camseg.mask_codec.MASK_CODECS``.
        patch_size: latent positions a transformer token spans in each direction.
        width, heads, mlp_ratio: of the transformer blocks.
        encoder_blocks, decoder_blocks: their number.
        mask_shortcut: start masked tokens from the encoded image tokens of their places; not in the published model.
        head_width, head_blocks: of the diffusion MLP.
        noise_process: the schedule that noises the mask latents.
        features: multi-scale convolutional features; None feeds the transformer with latents alone, as published.
        architecture: tells a CAM-Seg configuration from that of another system.
    """

    model_id: str
    label_set: str
    input_height_px: int
    input_width_px: int
    image_autoencoder: KLAutoencoderConfig
    mask_autoencoder: KLAutoencoderConfig
    patch_size: int
    width: int
    heads: int
    encoder_blocks: int
    decoder_blocks: int
    head_width: int
    head_blocks: int
    mlp_ratio: float = 4.0
    noise_process: NoiseProcess = field(default_factory=NoiseProcess)
    features: FeatureConfig | None = None
    mask_shortcut: bool = False
    shared_autoencoder: bool = False
    mask_decoding: str = "classes"
    architecture: str = ARCHITECTURE

    @property
    def token_stride_px(self) -> int:
        """Pixels a transformer token spans in each direction; frames are padded to a multiple of it."""
        return self.patch_size * self.mask_autoencoder.downsampling

    @property
    def token_rows(self) -> int:
        """Rows of the token grid at the input size."""
        return -(-self.input_height_px // self.token_stride_px)

    @property
    def token_columns(self) -> int:
        """Columns of the token grid at the input size."""
        return -(-self.input_width_px // self.token_stride_px)


def camseg_small() -> CamSegConfig:
    """The model that ships: CamVid's classes at 360×480, a few million parameters."""
    return CamSegConfig(
        model_id="camseg-small",
        label_set="camvid",
        input_height_px=360,
        input_width_px=480,
        image_autoencoder=KLAutoencoderConfig(
            channels=3, latent_channels=8, block_channels=(48, 64), pixel_unshuffle=4
        ),
        mask_autoencoder=KLAutoencoderConfig(
            channels=11, latent_channels=16, block_channels=(48, 64), pixel_unshuffle=4
        ),
        patch_size=2,
        width=192,
        heads=3,
        encoder_blocks=2,
        decoder_blocks=1,
        head_width=192,
        head_blocks=3,
        mask_shortcut=True,
        features=FeatureConfig(),
    )


def camseg_base() -> CamSegConfig:
    """The published model: Cityscapes' classes at 768×768, KL-f16 latents, 217 M parameters beside the autoencoder."""
    kl_f16 = KLAutoencoderConfig(
        channels=3,
        latent_channels=16,
        block_channels=(128, 128, 256, 256, 512),
        layers_per_block=2,
        norm_groups=32,
        scaling_factor=0.2325,
        attention=True,
    )
    return CamSegConfig(
        model_id="camseg-base",
        label_set="cityscapes-camseg",
        input_height_px=768,
        input_width_px=768,
        image_autoencoder=kl_f16,
        mask_autoencoder=kl_f16,
        patch_size=1,
        width=768,
        heads=12,
        encoder_blocks=12,
        decoder_blocks=12,
        head_width=1024,
        head_blocks=6,
        noise_process=NoiseProcess(prediction_type="epsilon", learned_variance=True),
        shared_autoencoder=True,
        mask_decoding="palette",
    )
