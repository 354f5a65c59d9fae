"""What blocks a lens: dirt, ice or water on its cover glass."""

from typing import Literal

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.weather.patches import patch_mask
from camseg_core.weather.scattering import check_image, decode, encode
from camseg_core.weather.windscreen import APERTURE_M

Substance = Literal["mud", "frost", "water"]
SUBSTANCES: tuple[Substance, ...] = ("mud", "frost", "water")

_COVER_GLASS_M = 0.03
"""From the lens to the glass in front of the camera that gets dirty."""


def apply_lens_blockage(
    image: np.ndarray, covered_percent: float, seed: int, substance: Substance | None = None
) -> np.ndarray:
    """The image behind a camera's dirty cover glass.

    Mud lets no light through, frost scatters most of it, water only blurs. The glass is some 3 cm before the lens, so
    edges are blurred by aperture / distance.

    Args:
        image: (height, width, 3) uint8 sRGB.
        covered_percent: share of the image within a patch, 0 to 100; 0 leaves the image as it is.
        seed: 0 or more; decides where the patches are, and the substance if none is given.
        substance: one of SUBSTANCES.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for an image of wrong shape or type.
    """
    check_image(image)
    if not 0.0 <= covered_percent <= 100.0:
        raise ConfigurationError(f"lens covered_percent = {covered_percent}; expected 0 to 100")
    if seed < 0:
        raise ConfigurationError(f"lens seed = {seed}; expected 0 or more")
    if substance is not None and substance not in SUBSTANCES:
        raise ConfigurationError(f"lens substance {substance!r} is unknown; expected one of {SUBSTANCES}")
    if covered_percent == 0.0:
        return image.copy()
    height, width = image.shape[:2]
    rng = np.random.default_rng(seed)
    drawn = SUBSTANCES[int(rng.integers(len(SUBSTANCES)))]
    substance = drawn if substance is None else substance
    edge_px = width * APERTURE_M / _COVER_GLASS_M / 4
    cover = patch_mask(height, width, covered_percent / 100, rng, edge_px)[..., None]
    light = decode(image)
    blurred = cv2.GaussianBlur(light, (0, 0), width / 24, borderType=cv2.BORDER_REFLECT)
    if substance == "mud":
        # Lit from behind, mud is near black; the light of the scene that it scatters is a few per cent.
        behind = (0.05 * blurred.mean() + 0.02) * np.array([1.0, 0.8, 0.6], np.float32) + 0.03 * blurred
    elif substance == "frost":
        behind = 0.35 * blurred + 0.65 * blurred.mean(axis=(0, 1)) * np.array([0.97, 1.0, 1.03], np.float32)
    else:
        behind = cv2.GaussianBlur(light, (0, 0), width / 60, borderType=cv2.BORDER_REFLECT)
    light += (behind - light) * cover
    return encode(np.clip(light, 0.0, 1.0))
