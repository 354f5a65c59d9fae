"""Snow from metric depth: a veil of far flakes, near ones, and what lies on the ground.

Sizes follow Gunn and Marshall (1958): ``N(M) = N0 exp(-Λ M)`` flakes per m³ and mm of melted diameter M, with N0 = 3800
R^-0.87 and Λ = 2.55 R^-0.48 per mm at R mm/h of water. A flake of density 0.17 / D g/cm³ (Holroyd, 1971) has the
diameter ``D = sqrt(M³ / 0.17)`` mm. It falls with ``0.98 M^0.31`` m/s (after Langleben, 1954).
"""

import math

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.labels import CAMVID, LabelSet
from camseg_core.rendering.camera import PinholeCamera
from camseg_core.weather.condition import SEVERITY_MAXIMA
from camseg_core.weather.depth import assumed_camera, surface_points
from camseg_core.weather.falling import FallingParticles, check_view, streak_cover
from camseg_core.weather.patches import patch_mask
from camseg_core.weather.scattering import AIRLIGHT, RGB, check_airlight, check_frame, decode, encode, veil

_DENSITY = 0.17
"""Density of a flake times its diameter, mm g/cm³."""

_NEAR_M, _FAR_M = 0.4, 9.0
_MELTED_MIN_MM, _MELTED_MAX_MM = 0.4, 5.0
"""Smaller flakes are part of the veil, larger ones break up."""

_WHITE = 0.7
"""Linear brightness of the snow on a street, as a camera exposes it."""

_PATCHES_M, _PATCHES_PX = 40.0, 512
"""Side of the square of ground whose patches repeat."""


def melted_slope_per_mm(rate_mm_per_h: float) -> float:
    """Gunn and Marshall's Λ, per mm of melted diameter, for a rate above 0."""
    return 2.55 * rate_mm_per_h**-0.48


def melted_intercept_per_m3_mm(rate_mm_per_h: float) -> float:
    """Gunn and Marshall's N0, per m³ and mm of melted diameter, for a rate above 0."""
    return 3800.0 * rate_mm_per_h**-0.87


def snow_extinction_per_m(rate_mm_per_h: float) -> float:
    """Extinction coefficient of falling snow at optical wavelengths.

    Each flake takes away twice its cross-section, as in rain, and the integral of ``2 π/4 D² N(M)`` with ``D² = M³ /
    0.17`` is ``π/2 · 6 N0 / (0.17 Λ⁴)`` mm²/m³: 5.0 R^1.05 per km, a visibility of 600 m at 1 mm/h.

    ``rate_mm_per_h`` is 0 to 20; ConfigurationError otherwise.
    """
    largest = SEVERITY_MAXIMA["snow"]
    if not 0.0 <= rate_mm_per_h <= largest:
        raise ConfigurationError(f"snow rate_mm_per_h = {rate_mm_per_h}; expected 0 to {largest:g}")
    if rate_mm_per_h == 0.0:
        return 0.0
    intercept, slope = melted_intercept_per_m3_mm(rate_mm_per_h), melted_slope_per_mm(rate_mm_per_h)
    return math.pi / 2 * 6 * intercept / (_DENSITY * slope**4) * 1e-6


def apply_snow(
    image: np.ndarray,
    depth_m: np.ndarray,
    rate_mm_per_h: float,
    seed: int,
    *,
    focal_px: float | None = None,
    exposure_s: float = 0.004,
    speed_mps: float = 0.0,
    airlight: RGB = AIRLIGHT,
) -> np.ndarray:
    """The image as seen through falling snow: whitened by distance, and crossed by near flakes on the wind.

    Args:
        image: (height, width, 3) uint8 sRGB.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky.
        rate_mm_per_h: of the water in the snow, 0 to 20; 0 leaves the image as it is.
        seed: 0 or more; decides where the flakes are and the wind. The same arguments give the same bytes.
        focal_px: of the camera, above 0; None takes the image's width, a horizontal view of 53°.
        exposure_s: above 0, up to 1; how long the flakes' streaks are.
        speed_mps: of the camera along its axis, 0 or more.
        airlight: sRGB colour of an endless path through the snow, and of the flakes.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    check_airlight(airlight)
    extinction = snow_extinction_per_m(rate_mm_per_h)
    focal_px = float(image.shape[1]) if focal_px is None else focal_px
    check_view("snow", seed, focal_px, exposure_s, speed_mps)
    if extinction == 0.0:
        return image.copy()
    sky = decode(np.array(airlight, np.uint8))
    light = veil(decode(image), depth_m, extinction, sky)
    rng = np.random.default_rng(seed)
    wind = (float(rng.normal(0.0, 2.0)), float(rng.normal(0.0, 2.0)))
    cover = streak_cover(depth_m, _near_flakes(rate_mm_per_h, wind), rng, focal_px, exposure_s, speed_mps)
    # Flakes are soft-edged: a star of crystals, not a disc.
    light += (sky - light) * cv2.GaussianBlur(cover, (0, 0), 0.6)[..., None]
    return encode(light)


def cover_ground(
    image: np.ndarray,
    depth_m: np.ndarray,
    labels: np.ndarray,
    share: float,
    seed: int,
    *,
    camera: PinholeCamera | None = None,
    label_set: LabelSet = CAMVID,
) -> np.ndarray:
    """The image with snow on road, pavement and terrain, and thinly on trees.

    Snow lies in patches on the ground, less on the road, which is driven on, and keeps the light and shade of what it
    covers.

    Args:
        image: (height, width, 3) uint8 sRGB.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky.
        labels: (height, width) uint8 ids of ``label_set``.
        share: of the ground that is white, 0 to 1.
        seed: 0 or more; decides where the patches are.
        camera: its geometry; None takes ``assumed_camera``.
        label_set: the classes' meaning, by name.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a share out of range, FrameError
    for arrays of wrong shape or type.
    """
    check_frame(image, depth_m)
    if not 0.0 <= share <= 1.0:
        raise ConfigurationError(f"snow cover = {share}; expected 0 to 1")
    if labels.shape != image.shape[:2]:
        raise FrameError(f"labels of shape {labels.shape} for an image of {image.shape}; expected the same size")
    if share == 0.0:
        return image.copy()
    if camera is None:
        camera = assumed_camera(image.shape[1], image.shape[0])
    points = surface_points(camera, depth_m)
    patches = patch_mask(_PATCHES_PX, _PATCHES_PX, share, np.random.default_rng((seed, 1)), edge_px=2.0)
    # The square is laid beside its mirror images, which leaves no seams; the nearest mirror is off the road.
    last = _PATCHES_PX - 1
    places = [
        np.abs(np.mod(points[..., axis] * (_PATCHES_PX / _PATCHES_M) + last / 2, 2 * last) - last) for axis in (0, 2)
    ]
    white: np.ndarray = cv2.remap(patches, places[0], places[1], cv2.INTER_LINEAR)
    light = decode(image)
    for names, amount in ((("road",), 0.8), (("pavement", "sidewalk", "terrain"), 1.0), (("tree", "vegetation"), 0.25)):
        ids = [index for index, name in enumerate(label_set.names) if name in names]
        there = np.isin(labels, ids)
        if not there.any():
            continue
        luminance = light[there].mean(axis=1)
        shade = np.clip(luminance / max(float(np.median(luminance)), 1e-4), 0.35, 1.3)
        snow = np.minimum(_WHITE * shade, 1.0)[:, None] * np.array([0.97, 0.99, 1.0], np.float32)
        light[there] += (snow - light[there]) * (white[there] * amount)[:, None]
    return encode(light)


def _near_flakes(rate_mm_per_h: float, wind_mps: tuple[float, float]) -> FallingParticles:
    slope = melted_slope_per_mm(rate_mm_per_h)
    ends = np.exp(-slope * np.array([_MELTED_MIN_MM, _MELTED_MAX_MM]))

    def draw_diameters_mm(rng: np.random.Generator, count: int) -> np.ndarray:
        melted = -np.log(ends[0] + rng.random(count) * (ends[1] - ends[0])) / slope
        return flake_diameter_mm(melted)

    per_m3 = melted_intercept_per_m3_mm(rate_mm_per_h) / slope * (ends[0] - ends[1])
    return FallingParticles(per_m3, draw_diameters_mm, fall_speed_mps, _NEAR_M, _FAR_M, wind_mps)


def flake_diameter_mm(melted_mm: np.ndarray) -> np.ndarray:
    """Diameter of the flakes that melt to drops of ``melted_mm``, same shape."""
    return np.sqrt(melted_mm**3 / _DENSITY)


def fall_speed_mps(diameter_mm: np.ndarray) -> np.ndarray:
    """Terminal speed of flakes by their diameter, m/s, same shape."""
    return 0.98 * np.cbrt(_DENSITY * diameter_mm**2) ** 0.31
