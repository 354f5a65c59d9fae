"""Rain from metric depth: a veil of far drops and streaks of near ones.

Drop sizes follow Marshall and Palmer (1948): ``N(D) = N0 exp(-Λ D)`` drops per m³ and mm of diameter, with N0 = 8000
and Λ = 4.1 R^-0.21 per mm at R mm/h. Fall speeds follow Atlas, Srivastava and Sekhon (1973): ``9.65 - 10.3 exp(-0.6
D)`` m/s.
"""

import math

import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.weather.scattering import AIRLIGHT, RGB, check_airlight, check_frame, decode, encode, veil

MAX_RATE_MM_PER_H = 300.0

_N0_PER_M3_MM = 8000.0
_STREAK_NEAR_M, _STREAK_FAR_M = 0.3, 3.5
"""Nearer drops are out of focus beyond recognition, farther ones are much thinner than a pixel: part of the veil."""

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
) -> np.ndarray:
    """The image as seen in rain: attenuated by distance, and crossed by the streaks of near drops.

    Computed in linear light, like fog.
    A drop of diameter D and speed v covers a point of its streak for D / v of the exposure, and there shows the bright
    surroundings it refracts instead of what is behind it (Garg and Nayar, 2007); thinner than a pixel it covers that
    part of the pixel.

    Args:
        image: (height, width, 3) uint8 sRGB.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky.
        rate_mm_per_h: 0 to 300; 0 leaves the image as it is.
        seed: 0 or more; decides where the drops are. The same arguments give the same bytes.
        focal_px: of the camera, above 0; None takes the image's width, a horizontal view of 53°.
        exposure_s: above 0, up to 1; how long streaks are.
        speed_mps: of the camera along its axis, 0 or more: drops come towards a vehicle.
        airlight: sRGB colour of an endless path through the rain, and of the drops.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    check_airlight(airlight)
    extinction = rain_extinction_per_m(rate_mm_per_h)
    if seed < 0:
        raise ConfigurationError(f"rain seed = {seed}; expected 0 or more")
    if focal_px is None:
        focal_px = float(image.shape[1])
    if not (math.isfinite(focal_px) and focal_px > 0):
        raise ConfigurationError(f"rain focal_px = {focal_px}; expected a finite number above 0")
    if not 0.0 < exposure_s <= 1.0:
        raise ConfigurationError(f"rain exposure_s = {exposure_s}; expected above 0, up to 1")
    if not 0.0 <= speed_mps <= 100.0:
        raise ConfigurationError(f"rain speed_mps = {speed_mps}; expected 0 to 100")
    if extinction == 0.0:
        return image.copy()
    sky = decode(np.array(airlight, np.uint8))
    light = veil(decode(image), depth_m, extinction, sky)
    cover = _streaks(depth_m, rate_mm_per_h, np.random.default_rng(seed), focal_px, exposure_s, speed_mps)[..., None]
    light += (sky - light) * cover
    return encode(light)


def _streaks(
    depth_m: np.ndarray,
    rate_mm_per_h: float,
    rng: np.random.Generator,
    focal_px: float,
    exposure_s: float,
    speed_mps: float,
) -> np.ndarray:
    """Share of the exposure during which near drops cover each pixel, (h, w) float32, 0 to 1."""
    height, width = depth_m.shape
    slope = slope_per_mm(rate_mm_per_h)
    # Drops that start above the image fall into it during the exposure, so the volume is a little larger than the view.
    half_x, half_y = 0.55 * width / focal_px, 0.55 * height / focal_px
    volume_m3 = 4 * half_x * half_y * (_STREAK_FAR_M**3 - _STREAK_NEAR_M**3) / 3
    ends = np.exp(-slope * np.array([_STREAK_MIN_MM, _STREAK_MAX_MM]))
    count = rng.poisson(_N0_PER_M3_MM / slope * (ends[0] - ends[1]) * volume_m3)
    # Inverse distribution functions: sizes of the exponential between its two ends, places evenly in the view's
    # pyramid.
    diameter_mm = -np.log(ends[0] + rng.random(count) * (ends[1] - ends[0])) / slope
    z = np.cbrt(_STREAK_NEAR_M**3 + rng.random(count) * (_STREAK_FAR_M**3 - _STREAK_NEAR_M**3))
    x, y = rng.uniform(-half_x, half_x, count) * z, rng.uniform(-half_y, half_y, count) * z
    speed = fall_speed_mps(diameter_mm)
    z_end = np.maximum(z - speed_mps * exposure_s, _STREAK_NEAR_M / 2)
    start = np.stack([x / z, y / z], -1) * focal_px
    end = np.stack([x / z_end, (y + speed * exposure_s) / z_end], -1) * focal_px
    length_px = np.linalg.norm(end - start, axis=-1) + 1e-6
    width_px = focal_px * diameter_mm * 1e-3 / z
    # While the drop runs along its streak, a point of it is covered for the time the drop takes to pass its own
    # diameter.
    share = np.minimum(width_px / length_px, 1.0) * np.minimum(width_px, 1.0)

    samples = np.ceil(length_px * np.maximum(width_px, 1.0) * 1.5).astype(np.int64)
    which = np.repeat(np.arange(count), samples)
    along = (np.arange(len(which)) - np.repeat(np.cumsum(samples) - samples, samples) + 0.5) / samples[which]
    aside = rng.uniform(-0.5, 0.5, len(which)) * width_px[which]
    direction = (end - start) / length_px[:, None]
    column = start[which, 0] + along * (end - start)[which, 0] - aside * direction[which, 1] + (width - 1) / 2
    row = start[which, 1] + along * (end - start)[which, 1] + aside * direction[which, 0] + (height - 1) / 2
    column, row = np.round(column).astype(np.int64), np.round(row).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    which, place = which[inside], (row * width + column)[inside]
    ray = np.hypot(np.hypot(x, y), z)[which]
    visible = ray < depth_m.ravel()[place]
    weight = (share * length_px * np.maximum(width_px, 1.0) / samples)[which]
    cover = np.bincount(place[visible], weight[visible], minlength=height * width).reshape(height, width)
    return np.minimum(cover, 1.0).astype(np.float32)
