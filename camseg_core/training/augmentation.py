"""Random views of labelled images: geometry, colour, sensor."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from camseg_core.corruptions.blur import gaussian_blur, motion_blur
from camseg_core.corruptions.color import contrast, saturation
from camseg_core.corruptions.noise import gaussian_noise, salt_and_pepper
from camseg_core.data.datasets import LabelledImage
from camseg_core.labels import UNLABELLED


@dataclass(frozen=True)
class AugmentationSettings:
    """How far views may differ from the image.

    Attributes:
        zoom_min, zoom_max: magnification against the view that just holds the whole image.
        rotation_deg: largest rotation either way.
        flip_probability: of a mirror image.
        brightness, contrast, saturation: largest relative change either way.
        gamma: largest change of the logarithm (base 2) of gamma either way.
        color_shift: largest relative change of the gain of one colour channel either way.
        blur_probability, blur_sigma_px: Gaussian blur and its largest standard deviation.
        noise_probability, noise_sigma: Gaussian noise and its largest standard deviation, in units of 1/255.
        corruption_probability: of one strong corruption on top.
        noise_odds, salt_and_pepper_odds, motion_blur_odds, blur_odds, contrast_odds, saturation_odds: that it is of
            this kind. Those that hide small things come most often; of these, salt and pepper is repaired ahead of the
            features.
        paste_probability: of things from another image being pasted into the view.
    """

    zoom_min: float = 0.85
    zoom_max: float = 1.8
    rotation_deg: float = 3.0
    flip_probability: float = 0.5
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.4
    gamma: float = 0.3
    color_shift: float = 0.08
    blur_probability: float = 0.1
    blur_sigma_px: float = 1.2
    noise_probability: float = 0.2
    noise_sigma: float = 8.0
    corruption_probability: float = 0.0
    noise_odds: int = 4
    salt_and_pepper_odds: int = 1
    motion_blur_odds: int = 2
    blur_odds: int = 1
    contrast_odds: int = 1
    saturation_odds: int = 1
    paste_probability: float = 0.0


def segmentation_views() -> AugmentationSettings:
    """Views that segmentation trains on; the official recipe spoils its images too, so that masks survive it."""
    return AugmentationSettings(corruption_probability=0.4, paste_probability=0.5)


def at_input_scale(settings: AugmentationSettings, input_height_px: int, size: tuple[int, int]) -> AugmentationSettings:
    """The views for a size smaller than the model's input: crops in which things are as large as in whole views.

    Args:
        settings: of views as large as the model's input.
        input_height_px: its height.
        size: (height, width) of the views, pixels.
    """
    crop = input_height_px / size[0]
    return replace(settings, zoom_min=settings.zoom_min * crop, zoom_max=settings.zoom_max * crop)


def random_view(
    sample: LabelledImage, size: tuple[int, int], settings: AugmentationSettings, random: np.random.Generator
) -> LabelledImage:
    """A random view of ``sample`` with ``size`` (height, width) pixels; what lies outside the image is unlabelled."""
    image, labels = _random_geometry(sample, size, settings, random)
    return LabelledImage(_random_appearance(image, settings, random), labels, sample.name)


def with_pasted(
    sample: LabelledImage,
    donor: LabelledImage,
    classes: Sequence[int],
    random: np.random.Generator,
) -> LabelledImage:
    """``sample`` with things of ``donor`` in front of it, each class of ``classes`` with probability 1/2.

    Things stand where they stood, or in the mirror, and are magnified a little at most: of a size that is plausible in
    that place, and not shrunk, by which nearest neighbours would tear lines of one pixel. After ClassMix (Olsson et
    al., 2021) and Simple Copy-Paste (Ghiasi et al., 2021).
    """
    chosen = [class_id for class_id in classes if random.random() < 0.5]
    near = AugmentationSettings(zoom_min=1.0, zoom_max=1.2, rotation_deg=0.0)
    image, labels = _random_geometry(donor, (sample.labels.shape[0], sample.labels.shape[1]), near, random)
    pasted = np.isin(labels, chosen)
    return LabelledImage(
        np.where(pasted[..., None], image, sample.image), np.where(pasted, labels, sample.labels), sample.name
    )


def _random_geometry(
    sample: LabelledImage, size: tuple[int, int], settings: AugmentationSettings, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    height, width = sample.labels.shape
    zoom = math.exp(random.uniform(math.log(settings.zoom_min), math.log(settings.zoom_max)))
    scale = zoom * max(size[0] / height, size[1] / width)
    angle = random.uniform(-settings.rotation_deg, settings.rotation_deg)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    if random.random() < settings.flip_probability:
        matrix = matrix @ np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    # The centre of the view moves as far as the magnified image allows; a smaller image stays inside the view.
    reach_x, reach_y = abs(scale * width - size[1]) / 2, abs(scale * height - size[0]) / 2
    matrix[0, 2] += size[1] / 2 - width / 2 + random.uniform(-reach_x, reach_x)
    matrix[1, 2] += size[0] / 2 - height / 2 + random.uniform(-reach_y, reach_y)
    target = (size[1], size[0])
    image = cv2.warpAffine(sample.image, matrix, target, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    labels = cv2.warpAffine(
        sample.labels, matrix, target, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=UNLABELLED
    )
    return image, labels


def _random_appearance(image: np.ndarray, settings: AugmentationSettings, random: np.random.Generator) -> np.ndarray:
    def change(limit: float) -> float:
        return 1.0 + random.uniform(-limit, limit)

    pixels = image.astype(np.float32) / 255.0
    pixels *= np.array([change(settings.color_shift) for _ in range(3)], dtype=np.float32)
    gray = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    saturation = change(settings.saturation)
    pixels = saturation * pixels + (1.0 - saturation) * gray[..., None]
    pixels = (pixels - gray.mean()) * change(settings.contrast) + gray.mean()
    pixels *= change(settings.brightness)
    np.clip(pixels, 0.0, 1.0, out=pixels)
    pixels **= 2.0 ** random.uniform(-settings.gamma, settings.gamma)
    if random.random() < settings.blur_probability:
        pixels = cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.3, settings.blur_sigma_px))
    if random.random() < settings.noise_probability:
        sigma = random.uniform(0.0, settings.noise_sigma) / 255.0
        pixels += random.standard_normal(pixels.shape, dtype=np.float32) * sigma
    spoilt = (np.clip(pixels, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return _corrupt(spoilt, settings, random) if random.random() < settings.corruption_probability else spoilt


def _corrupt(image: np.ndarray, settings: AugmentationSettings, random: np.random.Generator) -> np.ndarray:
    """One corruption of a random kind and strength."""
    kinds = {
        "noise": settings.noise_odds,
        "salt and pepper": settings.salt_and_pepper_odds,
        "motion blur": settings.motion_blur_odds,
        "blur": settings.blur_odds,
        "contrast": settings.contrast_odds,
        "saturation": settings.saturation_odds,
    }
    odds = np.array(list(kinds.values()))
    kind = random.choice(list(kinds), p=odds / odds.sum())
    if kind == "noise":
        return gaussian_noise(image, random.uniform(0.02, 0.4), random)
    if kind == "salt and pepper":
        return salt_and_pepper(image, random.uniform(0.02, 0.6), random)
    if kind == "motion blur":
        return motion_blur(image, int(random.integers(5, 21)), random.uniform(2.0, 14.0), random)
    if kind == "blur":
        return gaussian_blur(image, random.uniform(0.5, 5.0))
    if kind == "contrast":
        return contrast(image, math.exp(random.uniform(math.log(0.05), math.log(0.7))))
    # From nearly grey to nearly pure colours; the shift colours grey too, as a camera's wrong gains do.
    factor = math.exp(random.uniform(math.log(0.05), math.log(20.0)))
    return saturation(image, factor, random.uniform(0.0, 0.2) if factor > 1.0 else 0.0)
