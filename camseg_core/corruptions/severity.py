"""The corruptions by name, each at severities 1 to 5."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camseg_core.corruptions.blur import gaussian_blur, motion_blur
from camseg_core.corruptions.color import brightness, contrast, hue, saturation
from camseg_core.corruptions.noise import gaussian_noise, salt_and_pepper
from camseg_core.errors import ConfigurationError

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """One way to spoil an image, at five levels.

    Attributes:
        levels: what each severity means, in words; from 1 to 5.
        apply: takes an (H, W, 3) uint8 RGB image, the index of a level and a source of randomness, and returns another.
        source: where the levels come from.
    """

    levels: tuple[str, ...]
    apply: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
    source: str


IMAGENET_C = "ImageNet-C"
"""Hendrycks and Dietterich, 2019; lengths are in pixels as there, whatever the image's size."""

_NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)
_SALT_AND_PEPPER = (0.05, 0.10, 0.17, 0.27, 0.50)
_MOTION = ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0))
_BLUR = (1.0, 2.0, 3.0, 4.0, 6.0)
_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
_CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
_SATURATION = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
_HUE = (0.05, 0.10, 0.15, 0.20, 0.25)

CORRUPTIONS: dict[str, Corruption] = {
    "gaussian noise": Corruption(
        tuple(f"σ {sigma:g}" for sigma in _NOISE),
        lambda image, level, rng: gaussian_noise(image, _NOISE[level], rng),
        IMAGENET_C,
    ),
    "motion blur": Corruption(
        tuple(f"radius {radius} px, σ {sigma:g} px" for radius, sigma in _MOTION),
        lambda image, level, rng: motion_blur(image, *_MOTION[level], rng),
        IMAGENET_C,
    ),
    "gaussian blur": Corruption(
        tuple(f"σ {sigma:g} px" for sigma in _BLUR),
        lambda image, level, rng: gaussian_blur(image, _BLUR[level]),
        IMAGENET_C,
    ),
    "brightness": Corruption(
        tuple(f"value +{shift:g}" for shift in _BRIGHTNESS),
        lambda image, level, rng: brightness(image, _BRIGHTNESS[level]),
        IMAGENET_C,
    ),
    "contrast": Corruption(
        tuple(f"×{factor:g}" for factor in _CONTRAST),
        lambda image, level, rng: contrast(image, _CONTRAST[level]),
        IMAGENET_C,
    ),
    "saturation": Corruption(
        tuple(f"×{factor:g}" + (f" +{shift:g}" if shift else "") for factor, shift in _SATURATION),
        lambda image, level, rng: saturation(image, *_SATURATION[level]),
        IMAGENET_C,
    ),
    "hue": Corruption(
        tuple(f"±{turn:g} turn" for turn in _HUE),
        lambda image, level, rng: hue(image, _HUE[level], rng),
        "official CAM-Seg plots to 0.2, and one beyond",
    ),
    "salt-and-pepper": Corruption(
        tuple(f"{100 * share:g} %" for share in _SALT_AND_PEPPER),
        lambda image, level, rng: salt_and_pepper(image, _SALT_AND_PEPPER[level], rng),
        "official CAM-Seg plots 5, 10, 50 %; ImageNet-C 17, 27 %",
    ),
}


def corrupt(image: np.ndarray, name: str, severity: int, seed: int) -> np.ndarray:
    """Spoil an image.

    The same arguments give the same bytes. The same seed draws alike at every severity (the same direction of a motion,
    the same pattern of noise), so that severities differ in nothing else; other corruptions draw otherwise.

    Args:
        image: (H, W, 3) uint8 RGB.
        name: in CORRUPTIONS.
        severity: 1 to 5.
        seed: 0 or more.

    Returns (H, W, 3) uint8 RGB, a new array. Raises ConfigurationError for an unknown name or a value out of range,
    FrameError for another array.
    """
    if name not in CORRUPTIONS:
        raise ConfigurationError(f"corruption {name!r} is unknown; expected one of {sorted(CORRUPTIONS)}")
    if severity not in SEVERITIES:
        raise ConfigurationError(f"severity of {name} is {severity}; expected {SEVERITIES[0]} to {SEVERITIES[-1]}")
    if seed < 0:
        raise ConfigurationError(f"corruption seed is {seed}; expected 0 or more")
    rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
    return CORRUPTIONS[name].apply(image, severity - 1, rng)
