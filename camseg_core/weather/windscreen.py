"""Rain drops on the windscreen before the camera, between two strokes of the wiper."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

APERTURE_M = 0.002
"""Of the lens of a vehicle camera: how far out of focus near things are."""

WIPER_PERIOD_S = 1.5

_GLASS_M = 0.12
"""From the lens to the glass that drops lie on."""

_SPREAD = 2.0
"""A drop that hits glass spreads to so many of its diameters."""

_RAKE_RAD = math.radians(60)
"""Of the windscreen against the upright."""


@dataclass(frozen=True)
class Windscreen:
    """A windscreen that is wiped clean every WIPER_PERIOD_S.

    Attributes:
        seed: 0 or more; decides the moment of the wiper and, stroke by stroke, where drops hit.
        time_s: since the beginning of the drive, 0 or more.
    """

    seed: int
    time_s: float

    def stroke(self) -> tuple[int, float]:
        """Number of the wiper's last stroke, and seconds since."""
        phase_s = float(np.random.default_rng((self.seed, 4)).uniform(0.0, WIPER_PERIOD_S))
        number, wet_s = divmod(self.time_s + phase_s, WIPER_PERIOD_S)
        return int(number), wet_s


def drops_per_m2_s(drops_per_m3: float, fall_speed_mps: float, speed_mps: float) -> float:
    """Drops that hit a square metre of windscreen a second: their number in the air times the speed they come at."""
    return drops_per_m3 * (speed_mps * math.cos(_RAKE_RAD) + fall_speed_mps * math.sin(_RAKE_RAD))


def seen_glass_m2(width_px: int, height_px: int, focal_px: float) -> float:
    """Area of the windscreen in the camera's view, were it upright."""
    return width_px * height_px * (_GLASS_M / focal_px) ** 2


def draw_drops(light: np.ndarray, diameters_mm: np.ndarray, rng: np.random.Generator, focal_px: float) -> None:
    """Draws drops on the windscreen into linear light, in place.

    A drop is a strong lens close to the camera: it shows the whole scene upside down, and both its rim and what it
    shows are out of focus. In front of a camera focused far away the circle of confusion is aperture / distance.

    Args:
        light: (height, width, 3) float32, linear; changed.
        diameters_mm: (n,) of the drops in the air.
        rng: decides where they hit.
        focal_px: of the camera.
    """
    if len(diameters_mm) == 0:
        return
    height, width = light.shape[:2]
    confusion_px = focal_px * APERTURE_M / _GLASS_M
    radii = np.maximum(focal_px * _SPREAD * diameters_mm * 1e-3 / _GLASS_M / 2, 0.8)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    map_x, map_y = columns.copy(), rows.copy()
    cover: np.ndarray = np.zeros((height, width), np.float32)
    shade = np.ones((height, width), np.float32)
    # One row of random numbers for each drop: the first ones stay where they are when more come.
    for radius, (across, down, form) in zip(radii, rng.random((len(radii), 3)), strict=True):
        x, y, tall = across * width, down * height, 0.8 + 0.5 * form
        reach = math.ceil(radius * 1.4) + 1
        part = np.s_[max(int(y) - reach, 0) : int(y) + reach + 1, max(int(x) - reach, 0) : int(x) + reach + 1]
        u, v = (columns[part] - x) / radius, (rows[part] - y) / (radius * tall)
        inside = u**2 + v**2 < 1.0
        # Steeper towards the rim, as through a spherical surface.
        bend = -np.arcsin(np.sqrt(np.minimum(u**2 + v**2, 1.0)))
        map_x[part][inside] = (width / 2 + 0.30 * width * u * bend)[inside]
        map_y[part][inside] = (height / 2 + 0.45 * height * v * bend)[inside]
        cover[part][inside] = 1.0
        # Light from the sky, refracted downwards, leaves the upper rim dark and the lower bright.
        shade[part][inside] = (0.75 + 0.35 * v)[inside]
    soft: np.ndarray = cv2.GaussianBlur(light, (0, 0), max(width / 120, 0.5))
    seen: np.ndarray = cv2.remap(soft, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) * shade[..., None]
    blur = max(confusion_px / 4, 0.5)
    cover = cv2.GaussianBlur(cover, (0, 0), blur)
    seen = cv2.GaussianBlur(seen, (0, 0), blur)
    light += (np.minimum(seen, 1.0) - light) * cover[..., None]
