"""Rain from metric depth: a veil of far drops and streaks of near ones.

Drop sizes follow Marshall and Palmer (1948): ``N(D) = N0 exp(-Λ D)`` drops per m³ and mm of diameter, with N0 = 8000
and Λ = 4.1 R^-0.21 per mm at R mm/h. Fall speeds follow Atlas, Srivastava and Sekhon (1973): ``9.65 - 10.3 exp(-0.6
D)`` m/s.
"""

import math

import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.weather.falling import FallingParticles, check_view, streak_cover
from camseg_core.weather.scattering import AIRLIGHT, RGB, check_airlight, check_frame, decode, encode, veil
from camseg_core.weather.windscreen import WIPER_PERIOD_S, Windscreen, draw_drops, drops_per_m2_s, seen_glass_m2

MAX_RATE_MM_PER_H = 300.0

_N0_PER_M3_MM = 8000.0
_STREAK_NEAR_M, _STREAK_FAR_M = 0.3, 3.5
_STREAK_MIN_MM, _STREAK_MAX_MM = 1.0, 6.0
"""Smaller drops leave no visible streak, larger ones break up as they fall."""


def slope_per_mm(rate_mm_per_h: float) -> float:
    """Marshall and Palmer's Λ, per mm, for a rain rate above 0."""
    return 4.1 * rate_mm_per_h**-0.21


def fall_speed_mps(diameter_mm: np.ndarray) -> np.ndarray:
    """Terminal speed of drops of 0.6 to 6 mm, m/s, same shape."""
    return 9.65 - 10.3 * np.exp(-0.6 * diameter_mm)


def rain_extinction_per_m(rate_mm_per_h: float) -> float:
    """Extinction coefficient of rain at optical wavelengths.

    Drops are large against the wavelength, so each takes away twice its cross-section (van de Hulst, 1957), and the
    integral of ``2 * π/4 * D² * N(D)`` over Marshall and Palmer's sizes is ``π N0 / Λ³`` mm²/m³: 0.36 R^0.63 per km.
    Measurements used by Halder et al. (2019), 0.312 R^0.67 per km, agree within 15 % from 5 to 300 mm/h.

    ``rate_mm_per_h`` is 0 to 300; ConfigurationError otherwise.
    """
    if not 0.0 <= rate_mm_per_h <= MAX_RATE_MM_PER_H:
        raise ConfigurationError(f"rain rate_mm_per_h = {rate_mm_per_h}; expected 0 to {MAX_RATE_MM_PER_H:g}")
    if rate_mm_per_h == 0.0:
        return 0.0
    return math.pi * _N0_PER_M3_MM / slope_per_mm(rate_mm_per_h) ** 3 * 1e-6


def drops_seed(seed: int, frame: int) -> int:
    """The seed of a frame's drops in a drive, another for each drive and frame, however many frames there are.

    numpy takes it for the sequence (frame, seed).
    """
    return (seed << 32) + frame


def apply_rain(
    image: np.ndarray,
    depth_m: np.ndarray,
    rate_mm_per_h: float,
    seed: int,
    *,
    focal_px: float | None = None,
    exposure_s: float = 0.008,
    speed_mps: float = 0.0,
    airlight: RGB = AIRLIGHT,
    windscreen: Windscreen | None = None,
) -> np.ndarray:
    """The image as seen in rain: attenuated by distance, and crossed by the streaks of near drops.

    Computed in linear light, like fog.
    Where a drop covers a point of its streak it shows the bright surroundings it refracts instead of what is behind it
    (Garg and Nayar, 2007).

    Args:
        image: (height, width, 3) uint8 sRGB.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky.
        rate_mm_per_h: 0 to 300; 0 leaves the image as it is.
        seed: 0 or more; decides where the drops are. The same arguments give the same bytes.
        focal_px: of the camera, above 0; None takes the image's width, a horizontal view of 53°.
        exposure_s: above 0, up to 1; how long streaks are.
        speed_mps: of the camera along its axis, 0 or more: drops come towards a vehicle.
        airlight: sRGB colour of an endless path through the rain, and of the drops.
        windscreen: the glass before the camera, on which drops gather between two strokes of the wiper; None for a lens
            that stays dry.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    check_airlight(airlight)
    extinction = rain_extinction_per_m(rate_mm_per_h)
    focal_px = float(image.shape[1]) if focal_px is None else focal_px
    check_view("rain", seed, focal_px, exposure_s, speed_mps)
    if extinction == 0.0:
        return image.copy()
    sky = decode(np.array(airlight, np.uint8))
    light = veil(decode(image), depth_m, extinction, sky)
    rng = np.random.default_rng(seed)
    cover = streak_cover(depth_m, _near_drops(rate_mm_per_h), rng, focal_px, exposure_s, speed_mps)
    light += (sky - light) * cover[..., None]
    if windscreen is not None:
        _wet(light, rate_mm_per_h, windscreen, focal_px, speed_mps)
    return encode(light)


def _wet(light: np.ndarray, rate_mm_per_h: float, windscreen: Windscreen, focal_px: float, speed_mps: float) -> None:
    """Draws the drops that hit the windscreen since it was wiped; those that hit early stay as more come."""
    stroke, wet_s = windscreen.stroke()
    rng = np.random.default_rng((windscreen.seed, 6, stroke))
    drops = _near_drops(rate_mm_per_h)
    fall_speed = float(fall_speed_mps(drops.draw_diameters_mm(np.random.default_rng(0), 1000)).mean())
    area_m2 = seen_glass_m2(light.shape[1], light.shape[0], focal_px)
    hits_per_s = drops_per_m2_s(drops.per_m3, fall_speed, speed_mps) * area_m2
    total = int(rng.poisson(hits_per_s * WIPER_PERIOD_S))
    diameters_mm = drops.draw_diameters_mm(rng, total)
    arrived = round(total * wet_s / WIPER_PERIOD_S)
    draw_drops(light, diameters_mm[:arrived], rng, focal_px)


def _near_drops(rate_mm_per_h: float) -> FallingParticles:
    slope = slope_per_mm(rate_mm_per_h)
    ends = np.exp(-slope * np.array([_STREAK_MIN_MM, _STREAK_MAX_MM]))

    def draw_diameters_mm(rng: np.random.Generator, count: int) -> np.ndarray:
        # Inverse distribution function of the exponential between its two ends.
        return -np.log(ends[0] + rng.random(count) * (ends[1] - ends[0])) / slope

    per_m3 = _N0_PER_M3_MM / slope * (ends[0] - ends[1])
    return FallingParticles(per_m3, draw_diameters_mm, fall_speed_mps, _STREAK_NEAR_M, _STREAK_FAR_M)
