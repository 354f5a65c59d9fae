"""CAM-Seg's inference as its published code schedules it, re-implemented plainly, to compare with.

Every position goes through the diffusion head, the image's too, whose latents are then thrown away; ancestral sampling
in 100 steps; the full decoder; everything decoded goes to the host, where each pixel gets the class of the nearest
palette colour, or, in a model that decodes classes, of the largest logit. Two things are as in ours, so that the masks
can be compared: the image latent is the posterior's mean instead of a draw from it, and the precision is the same.
"""

import numpy as np
import torch
from torch import Tensor

from camseg_core.labels import LabelSet
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.sampling import make_scheduler, sample

STEPS = 100
SAMPLER = "ddpm"


class PublishedSchedule:
    """Segments images one by one.

    Args:
        model: in evaluation mode, as ``load_model`` gives it, with its full decoder.
        steps: denoising steps, 100 as published.
        seed: of the noise on the mask's positions; the same as ours draws from it.
    """

    def __init__(self, model: CamSeg, steps: int = STEPS, seed: int = 0) -> None:
        self._model = model
        self._steps = steps
        self._seed = seed
        self._device = next(model.parameters()).device

    @torch.inference_mode()
    def segment(self, image: np.ndarray) -> np.ndarray:
        """Class ids (H, W) uint8 of an (H, W, 3) uint8 RGB image of the model's input size."""
        pixels = torch.from_numpy(image.astype(np.float32) / 127.5 - 1.0).permute(2, 0, 1).unsqueeze(0)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=supports_bfloat16(self._device)):
            decoded = self._decode(pixels.to(self._device))
        height, width = image.shape[:2]
        picture = decoded[0, :, :height, :width].float().cpu().numpy()
        if self._model.config.mask_decoding == "palette":
            return nearest_palette_color(picture, self._model.label_set)
        return picture.argmax(axis=0).astype(np.uint8)

    def _decode(self, pixels: Tensor) -> Tensor:
        """What the mask autoencoder decodes, (1, channels, H, W), padded."""
        model = self._model
        conditions = all_conditions(model, model.pad(pixels))
        _, _, rows, columns = conditions.shape
        sampling = SamplingSettings(self._steps, SAMPLER, self._seed)
        shape = (1, model.config.mask_autoencoder.latent_channels, rows, columns)
        others = SamplingSettings(self._steps, SAMPLER, self._seed + 1)
        noise = torch.cat([model.starting_noise(shape, others), model.starting_noise(shape, sampling)])
        latents = sample(
            denoise=lambda noisy, timestep: model.denoise(noisy, timestep, conditions).float(),
            noise=noise,
            scheduler=make_scheduler(SAMPLER, model.config.noise_process),
            steps=self._steps,
            generator=[torch.Generator(self._device).manual_seed(one.seed) for one in (others, sampling)],
        )
        return model.mask_autoencoder.decode(latents[1:])


def all_conditions(model: CamSeg, pixels: Tensor) -> Tensor:
    """Conditions (2, channels, h, w) of all positions of one padded image: the image's first, then the mask's."""
    image = model.encode_image(pixels, model.image_latent(pixels))
    features = None
    if image.features is not None:
        features = model.feature_projection(image.features[2].flatten(2).transpose(1, 2))
    encoded = model.transformer.encode(image.tokens, image.grid, image_features=features)
    tokens = model.transformer.decode(encoded, image.grid)
    halves = tokens.view(2, -1, tokens.shape[-1]).transpose(1, 2).unflatten(2, image.grid)
    if model.fusion is None or image.features is None:
        return halves
    quarter, eighth, _ = image.features
    return model.fusion(halves, quarter.expand(2, -1, -1, -1), eighth.expand(2, -1, -1, -1))


def nearest_palette_color(picture: np.ndarray, label_set: LabelSet) -> np.ndarray:
    """Class ids (H, W) uint8 of a picture (3, H, W) in [−1, 1], by distance to palette / 255 in four digits."""
    palette = np.round(np.array(label_set.colors, dtype=np.float32) / 255.0, 4)
    pixels = picture.transpose(1, 2, 0) * 0.5 + 0.5
    distances = np.linalg.norm(pixels[:, :, None, :] - palette, axis=3)
    return distances.argmin(axis=2).astype(np.uint8)
