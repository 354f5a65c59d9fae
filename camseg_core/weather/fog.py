"""Fog from metric depth."""

import math

import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.weather.scattering import AIRLIGHT, RGB, check_airlight, check_frame, decode, encode, veil

MIN_VISIBILITY_M = 1.0


def fog_extinction_per_m(visibility_m: float) -> float:
    """Extinction coefficient for a meteorological optical range: ``ln 20 / MOR``, as contrast there is 5 %.

    ``visibility_m`` is MIN_VISIBILITY_M or more, inf allowed; ConfigurationError otherwise.
    """
    if not visibility_m >= MIN_VISIBILITY_M:
        raise ConfigurationError(f"fog visibility_m = {visibility_m}; expected {MIN_VISIBILITY_M:g} or more")
    return math.log(20) / visibility_m


def apply_fog(image: np.ndarray, depth_m: np.ndarray, visibility_m: float, airlight: RGB = AIRLIGHT) -> np.ndarray:
    """The image as seen through homogeneous fog, by Koschmieder's law.

    The law adds light, so it is applied to linear light: sRGB is decoded, veiled and encoded again.

    Args:
        image: (height, width, 3) uint8 sRGB.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky, which becomes airlight.
        visibility_m: meteorological optical range, 1 m or more; inf leaves the image as it is.
        airlight: sRGB colour of endless fog.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for visibility or airlight out of
    range, FrameError for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    check_airlight(airlight)
    extinction = fog_extinction_per_m(visibility_m)
    if extinction == 0.0:
        return image.copy()
    return encode(veil(decode(image), depth_m, extinction, decode(np.array(airlight, np.uint8))))
