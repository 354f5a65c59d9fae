"""Dusk and night from an image by day: less light, street lamps, headlights, and the camera at its limits."""

import math

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.rendering.camera import PinholeCamera
from camseg_core.weather.condition import SEVERITY_MAXIMA
from camseg_core.weather.depth import assumed_camera, surface_points
from camseg_core.weather.scattering import check_frame, decode, encode

FULL_EXPOSURE_LX = 30.0
"""Illuminance at which a white surface still comes out white at the camera's longest exposure and highest gain."""

_ELECTRONS_PER_LX = 15.0
"""What a white pixel collects in that exposure: a 3 µm pixel behind f/1.6 in 1/30 s."""

_FULL_WELL = 10_000.0
_READ_NOISE = 3.0
"""Electrons; with shot noise all there is."""

_LAMPS_BELOW_LX = 150.0
"""Street lamps and headlights are on below this, by sensors' usual switching level."""

_LAMP_HEIGHT_M, _LAMP_ASIDE_M, _LAMP_SPACING_M, _LAMP_CANDELA = 8.0, 6.0, 35.0, 1800.0
_LAMP_VIEW_M = 200.0
_SODIUM, _LED, _HEADLIGHT = (1.35, 0.85, 0.40), (1.0, 1.0, 0.95), (1.0, 0.98, 0.92)
_DUSK = (0.72, 0.92, 1.36)
"""Linear RGB of lamps, and of the sky after sunset (some 12,000 K) against daylight."""

_ROAD_RETROREFLECTION = 0.3
"""Of asphalt in headlights, as drivers see it, against its reflection of daylight: R_L / Q_d of EN 1436, 20 / 70."""

_BEAM_CANDELA, _STRAY_CANDELA = 14_000.0, 150.0
_CUT_OFF_RAD, _BEAM_DOWN_RAD, _BEAM_ASIDE_RAD = math.radians(-0.6), math.radians(5.0), math.radians(16.0)
"""Dipped headlights: a cut-off just below the horizontal, and how fast the beam falls off below it and aside."""


def apply_night(
    image: np.ndarray,
    depth_m: np.ndarray,
    illuminance_lx: float,
    seed: int,
    *,
    camera: PinholeCamera | None = None,
    position_m: float = 0.0,
    time_s: float = 0.0,
) -> np.ndarray:
    """The image as a vehicle's camera sees the same place at dusk or at night.

    What reflected daylight reflects what light there is: the blue rest from the sky, the diffuse light of the town,
    street lamps (candela / distance² on the surface) and dipped headlights. The camera meters for the brightness of the
    day until its exposure and gain end at FULL_EXPOSURE_LX; from there the image darkens with the light. Shot and read
    noise are those of the electrons collected.

    Args:
        image: (height, width, 3) uint8 sRGB, by day.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky.
        illuminance_lx: of the road by sky and town, without the lamps in view: above 0, up to 10,000.
        seed: 0 or more; decides the lamps and the noise. The same arguments give the same bytes.
        camera: its geometry; None takes ``assumed_camera``.
        position_m: way driven since the place that the seed's lamps are counted from; the noise changes with it.
        time_s: 0 or more; the noise changes with it too, and nothing else does.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    largest = SEVERITY_MAXIMA["night"]
    if not 0.0 < illuminance_lx <= largest:
        raise ConfigurationError(f"night illuminance_lx = {illuminance_lx}; expected above 0, up to {largest:g}")
    if seed < 0:
        raise ConfigurationError(f"night seed = {seed}; expected 0 or more")
    if not math.isfinite(position_m):
        raise ConfigurationError(f"night position_m = {position_m}; expected a finite number")
    if not (math.isfinite(time_s) and time_s >= 0.0):
        raise ConfigurationError(f"night time_s = {time_s}; expected a finite number, 0 or more")
    height, width = image.shape[:2]
    if camera is None:
        camera = assumed_camera(width, height)
    if (camera.width_px, camera.height_px) != (width, height):
        raise ConfigurationError(
            f"night camera of {camera.width_px}×{camera.height_px} px for an image of {width}×{height} px; expected "
            "the same size"
        )
    rng = np.random.default_rng((seed, 2))
    day = decode(image)
    # After dusk what light there is comes from lamps rather than from the sky.
    from_sky_lx = illuminance_lx**2 / (illuminance_lx + 10.0)
    lamp_color = np.array(_SODIUM if rng.random() < 0.4 else _LED, np.float32)
    town = np.float32(illuminance_lx - from_sky_lx) * lamp_color
    # Far from the sun, day is white and dusk blue: the change comes with the last hundreds of lux.
    blue = np.array(_DUSK, np.float32) ** np.float32(min(1.0, 400.0 / illuminance_lx))
    surface = np.broadcast_to(np.float32(from_sky_lx) * blue + town, day.shape).copy()
    sky = np.isinf(depth_m)
    surface[sky] = from_sky_lx * blue + 0.02 * town
    points = surface_points(camera, depth_m)
    lamps = _lamps(rng, position_m)
    if illuminance_lx < _LAMPS_BELOW_LX:
        surface += _headlights(points, sky)[..., None] * np.array(_HEADLIGHT, np.float32)
        surface += _street_lamps(points, sky, lamps)[..., None] * lamp_color
    radiance = day * surface
    if illuminance_lx < _LAMPS_BELOW_LX:
        radiance += _glare(camera, depth_m, lamps)[..., None] * lamp_color * FULL_EXPOSURE_LX
    exposure = min(float(day.mean()) / max(float(radiance.mean()), 1e-6), 1.0 / FULL_EXPOSURE_LX)
    gathered = min(_ELECTRONS_PER_LX / exposure, _FULL_WELL)
    signal = np.minimum(radiance * np.float32(exposure), 4.0)
    # Without time nothing is added: even a zero would change the noise of seeds of more than 32 bits.
    moment = (round(time_s * 1e6),) if time_s else ()
    noise_rng = np.random.default_rng((seed, 3, round(abs(position_m) * 1000), *moment))
    noise = noise_rng.standard_normal(signal.shape, dtype=np.float32)
    # Cameras smooth the noise they show; what remains is grain of about a pixel.
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * np.float32(1.6)
    signal += noise * np.sqrt(signal * gathered + np.float32(_READ_NOISE**2)) / np.float32(gathered)
    return encode(np.clip(signal, 0.0, 1.0))


def _lamps(rng: np.random.Generator, position_m: float) -> np.ndarray:
    """Places of street lamps, metres to the right, above the road and ahead, (n, 3); none in an unlit street."""
    phase, lit = rng.uniform(0.0, _LAMP_SPACING_M), rng.random() < 0.75
    if not lit:
        return np.zeros((0, 3), np.float32)
    first = (phase - position_m) % _LAMP_SPACING_M
    ahead = np.arange(first, _LAMP_VIEW_M, _LAMP_SPACING_M)
    sides = [
        np.stack([np.full(len(ahead), side * _LAMP_ASIDE_M), np.full(len(ahead), _LAMP_HEIGHT_M), ahead + shift], 1)
        for side, shift in ((-1, 0.0), (1, _LAMP_SPACING_M / 2))
    ]
    return np.concatenate(sides).astype(np.float32)


def _street_lamps(points: np.ndarray, sky: np.ndarray, lamps: np.ndarray) -> np.ndarray:
    """Illuminance by street lamps, lx, (h, w) float32: candela / distance², straight down in the road's case."""
    lux = np.zeros(points.shape[:2], np.float32)
    on_ground = points[..., 1] < 0.3
    for lamp in lamps:
        way = lamp - points
        squared = np.maximum((way**2).sum(axis=-1), 1.0)
        # A lamp shines downwards; what stands upright faces it on average by half.
        down = np.maximum(way[..., 1], 0.0) / np.sqrt(squared)
        lux += _LAMP_CANDELA / squared * down * np.where(on_ground, down, 0.5)
    lux[sky] = 0.0
    return lux


def _headlights(points: np.ndarray, sky: np.ndarray) -> np.ndarray:
    """Illuminance by the vehicle's dipped headlights, lx, (h, w) float32, as of one lamp 0.7 m above the road."""
    right, up, ahead = points[..., 0], points[..., 1] - 0.7, points[..., 2]
    distance = np.maximum(np.sqrt(right**2 + up**2 + ahead**2), 2.0)
    elevation, azimuth = np.arcsin(np.clip(up / distance, -1.0, 1.0)), np.arctan2(right, ahead)
    below = np.minimum(elevation - _CUT_OFF_RAD, 0.0) / _BEAM_DOWN_RAD
    beam = np.exp(-(below**2) - (azimuth / _BEAM_ASIDE_RAD) ** 2)
    # The cut-off is a degree wide.
    beam *= 0.5 - 0.5 * np.tanh((elevation - _CUT_OFF_RAD) / math.radians(0.5))
    grazing = np.where(points[..., 1] < 0.1, _ROAD_RETROREFLECTION, 1.0)
    lux = (_BEAM_CANDELA * beam + _STRAY_CANDELA) / distance**2 * grazing
    lux[sky] = 0.0
    return lux.astype(np.float32)


def _glare(camera: PinholeCamera, depth_m: np.ndarray, lamps: np.ndarray) -> np.ndarray:
    """The lamps themselves and the halo that the lens makes of them, in units of a white surface, (h, w) float32."""
    height, width = depth_m.shape
    spots = np.zeros((height, width), np.float32)
    for lamp in lamps:
        x, y, z = camera.from_road(lamp[2], lamp[0], lamp[1])
        if z <= 1.0:
            continue
        column = round(float(x / z * camera.focal_px + (width - 1) / 2))
        row = round(float(y / z * camera.focal_px + (height - 1) / 2))
        inside = 0 <= column < width and 0 <= row < height
        if inside and math.sqrt(float(x**2 + y**2 + z**2)) < depth_m[row, column]:
            cv2.circle(spots, (column, row), max(round(0.25 * camera.focal_px / float(z)), 1), 1.0, -1)
    glare = 3.0 * spots
    for sigma, amount in ((width / 200, 1.0), (width / 50, 0.7), (width / 12, 0.6)):
        glare += amount * cv2.GaussianBlur(spots, (0, 0), sigma)
    return glare
