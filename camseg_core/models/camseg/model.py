"""CAM-Seg from image to class logits (arXiv 2503.15617)."""

from dataclasses import dataclass

import torch
from diffusers import SchedulerMixin
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders import KLAutoencoder
from camseg_core.autoencoders.padding import pad_to_multiple
from camseg_core.errors import ConfigurationError
from camseg_core.labels import get_label_set
from camseg_core.models.base import PreparedImages, SegmentationModel
from camseg_core.models.camseg.configuration import CamSegConfig
from camseg_core.models.camseg.diffusion_head import DiffusionHead
from camseg_core.models.camseg.features import ConditionFusion, FeatureStem
from camseg_core.models.camseg.impulse_repair import repair_impulses
from camseg_core.models.camseg.mask_codec import make_mask_codec
from camseg_core.models.camseg.transformer import MaskedTransformer
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.stages import stage
from camseg_core.sampling import STOCHASTIC_SAMPLERS, make_scheduler, sample


@dataclass(frozen=True)
class EncodedImage:
    """An image on its way to the conditions.

    Attributes:
        tokens: (N, L, patch² C), its latent in patches.
        grid: rows and columns of the tokens.
        features: at 1/4, 1/8 and 1/16, or None without a stem.
    """

    tokens: Tensor
    grid: tuple[int, int]
    features: tuple[Tensor, Tensor, Tensor] | None


class CamSeg(SegmentationModel):
    """Image-conditioned generation of mask latents: frozen KL autoencoders, masked transformer, diffusion MLP."""

    def __init__(self, config: CamSegConfig) -> None:
        super().__init__()
        if config.image_autoencoder.downsampling != config.mask_autoencoder.downsampling:
            raise ConfigurationError(
                f"{config.model_id}: image latents are 1/{config.image_autoencoder.downsampling} of the image but mask "
                f"latents 1/{config.mask_autoencoder.downsampling}; expected the same"
            )
        if config.features is None and config.patch_size != 1:
            raise ConfigurationError(
                f"{config.model_id}: patch_size is {config.patch_size}; expected 1 without features"
            )
        if config.shared_autoencoder and config.image_autoencoder != config.mask_autoencoder:
            raise ConfigurationError(
                f"{config.model_id}: one autoencoder for images and masks has two configurations; expected equal ones"
            )
        self.config = config
        self.model_id = config.model_id
        self.label_set = get_label_set(config.label_set)
        self.mask_codec = make_mask_codec(config.mask_decoding, self.label_set)
        if config.mask_autoencoder.channels != self.mask_codec.channels:
            raise ConfigurationError(
                f"{config.model_id}: mask autoencoder has {config.mask_autoencoder.channels} channels; expected "
                f"{self.mask_codec.channels} for {config.mask_decoding} of {config.label_set}"
            )
        self._schedulers: dict[str, SchedulerMixin] = {}
        self.input_size = (config.input_height_px, config.input_width_px)
        image_channels = config.image_autoencoder.latent_channels
        mask_channels = config.mask_autoencoder.latent_channels
        self.image_autoencoder = KLAutoencoder(config.image_autoencoder).requires_grad_(False)
        self.mask_autoencoder = self.image_autoencoder
        if not config.shared_autoencoder:
            self.mask_autoencoder = KLAutoencoder(config.mask_autoencoder).requires_grad_(False)
        # Takes the place of the mask autoencoder's decoder once it is set; no part of the model's own weights.
        self.fast_decoder: nn.Module | None = None
        patch = config.patch_size**2
        self.transformer = MaskedTransformer(
            token_channels=(patch * image_channels, patch * mask_channels),
            grid=(config.token_rows, config.token_columns),
            width=config.width,
            heads=config.heads,
            mlp_ratio=config.mlp_ratio,
            encoder_blocks=config.encoder_blocks,
            decoder_blocks=config.decoder_blocks,
            mask_shortcut=config.mask_shortcut,
        )
        self.stem: nn.Module | None = None
        self.fusion: nn.Module | None = None
        condition_channels = config.width
        if config.features is not None:
            self.stem = FeatureStem(config.features, image_channels)
            self.feature_projection = nn.Linear(config.features.channels[-1], config.width)
            self.fusion = ConditionFusion(config.features, config.width)
            condition_channels = config.features.condition_channels
        outputs = 2 if config.noise_process.learned_variance else 1
        self.head = DiffusionHead(
            mask_channels, outputs * mask_channels, condition_channels, config.head_width, config.head_blocks
        )

    def pad(self, images: Tensor) -> Tensor:
        """Repeat the last row and column until height and width are multiples of the token stride."""
        return pad_to_multiple(images, self.config.token_stride_px)

    def encode_image(self, images: Tensor, latent: Tensor) -> EncodedImage:
        """Tokens and features of padded (N, 3, H, W) images in [−1, 1] and their ``image_latent``."""
        tokens = functional.pixel_unshuffle(latent, self.config.patch_size)
        features = None
        if self.stem is not None:
            with stage("features", images.device):
                # Not in the latents, by which drift is judged: it shall tell of a camera that spoils its frames, also
                # where masks survive it.
                features = self.stem(repair_impulses(images), latent)
        return EncodedImage(_to_sequence(tokens), (tokens.shape[-2], tokens.shape[-1]), features)

    def condition(
        self, image: EncodedImage, mask_latent: Tensor | None = None, visible: Tensor | None = None
    ) -> Tensor:
        """Conditions of every mask latent position, (N, channels, h, w).

        Args:
            image: from ``encode_image``.
            mask_latent: (N, C, h, w), or None when all mask tokens are masked, as at inference.
            visible: (N, V) indices of the visible mask tokens.
        """
        with stage("transformer", image.tokens.device):
            features = None
            if image.features is not None:
                features = self.feature_projection(_to_sequence(image.features[2]))
            mask_tokens = None
            if mask_latent is not None:
                mask_tokens = _to_sequence(functional.pixel_unshuffle(mask_latent, self.config.patch_size))
            encoded = self.transformer.encode(image.tokens, image.grid, mask_tokens, visible, features)
            tokens = self.transformer.decode(encoded, image.grid, visible, mask_only=True)
        condition = tokens.transpose(1, 2).unflatten(2, image.grid)
        if self.fusion is not None and image.features is not None:
            with stage("features", image.tokens.device):
                condition = self.fusion(condition, image.features[0], image.features[1])
        return condition

    def denoise(self, noisy: Tensor, timesteps: Tensor, condition: Tensor) -> Tensor:
        """The head's prediction for noisy mask latents.

        Args:
            noisy: (N, C, h, w).
            timesteps: (N,) or (1,).
            condition: (N, channels, h, w).

        Returns:
            (N, C, h, w), or (N, 2 C, h, w) where the variance is learned.
        """
        positions = noisy.shape[-2] * noisy.shape[-1]
        if timesteps.shape[0] > 1:
            timesteps = timesteps.repeat_interleave(positions)
        flat = self.head(
            noisy.permute(0, 2, 3, 1).flatten(0, 2), timesteps, condition.permute(0, 2, 3, 1).flatten(0, 2)
        )
        return flat.view(noisy.shape[0], noisy.shape[2], noisy.shape[3], -1).permute(0, 3, 1, 2)

    @torch.no_grad()
    def image_latent(self, images: Tensor) -> Tensor:
        """See SegmentationModel."""
        with stage("image_encoder", images.device):
            return self.image_autoencoder.encode(self.pad(images)).mean.float()

    def inference_parts(self) -> list[nn.Module]:
        """See SegmentationModel."""
        decoder = self.mask_autoencoder.network.decoder if self.fast_decoder is None else self.fast_decoder
        blocks = (*self.transformer.encoder_blocks, *self.transformer.decoder_blocks)
        features = (part for part in (self.stem, self.fusion) if part is not None)
        return [self.image_autoencoder.network.encoder, *features, *blocks, self.head, decoder]

    @torch.no_grad()
    def prepare(self, images: Tensor, image_latent: Tensor) -> PreparedImages:
        """See SegmentationModel."""
        condition = self.condition(self.encode_image(self.pad(images), image_latent))
        return PreparedImages(image_latent, (condition,), (images.shape[-2], images.shape[-1]))

    @torch.no_grad()
    def draw(self, prepared: PreparedImages, sampling: SamplingSettings) -> Tensor:
        """See SegmentationModel."""
        return self.decode_mask(self.draw_latent(prepared, sampling), prepared.image_size)

    @torch.no_grad()
    def draw_latent(self, prepared: PreparedImages, sampling: SamplingSettings) -> Tensor:
        """The latent of the mask that ``draw`` draws of each image, (N, C, h, w) float32."""
        (condition,) = prepared.conditions
        batch, _, rows, columns = condition.shape
        shape = (batch, self.config.mask_autoencoder.latent_channels, rows, columns)
        with stage("head", condition.device):
            return sample(
                denoise=lambda noisy, timestep: self.denoise(noisy, timestep, condition).float(),
                noise=self.starting_noise(shape, sampling),
                scheduler=self._scheduler(sampling.sampler),
                steps=sampling.steps,
                generator=_generators(sampling, batch, condition.device),
            )

    @torch.no_grad()
    def decode_mask(self, latent: Tensor, size: tuple[int, int]) -> Tensor:
        """Logits (N, classes, height, width) of mask latents, cut to ``size``, by the fast decoder if set."""
        height, width = size
        with stage("decoder", latent.device):
            if self.fast_decoder is not None:
                return self.fast_decoder(latent)[..., :height, :width]
            return self.mask_codec.logits(self.mask_autoencoder.decode(latent)[..., :height, :width])

    def _scheduler(self, sampler: str) -> SchedulerMixin:
        """Made once: it computes its schedule, which takes as long as a step. Not shared between threads."""
        if sampler not in self._schedulers:
            self._schedulers[sampler] = make_scheduler(sampler, self.config.noise_process)
        return self._schedulers[sampler]


def _generators(sampling: SamplingSettings, batch: int, device: torch.device) -> list[torch.Generator] | None:
    """One for each image, all alike, so that none depends on its batch; None where the sampler draws nothing."""
    if sampling.sampler not in STOCHASTIC_SAMPLERS:
        return None
    return [torch.Generator(device).manual_seed(sampling.seed) for _ in range(batch)]


def _to_sequence(maps: Tensor) -> Tensor:
    """(N, C, h, w) → (N, h w, C), row-major."""
    return maps.flatten(2).transpose(1, 2)
