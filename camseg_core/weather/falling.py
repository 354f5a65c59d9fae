"""Streaks of what falls through the view of a camera."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camseg_core.errors import ConfigurationError


@dataclass(frozen=True)
class FallingParticles:
    """Drops or flakes in the air.

    Attributes:
        per_m3: how many there are in a cubic metre of air.
        draw_diameters_mm: (generator, count) to (count,) diameters.
        fall_speed_mps: (n,) diameters in mm to (n,) terminal speeds.
        near_m, far_m: along the optical axis: nearer ones are out of focus beyond recognition, farther ones are much
            thinner than a pixel and part of the veil.
        wind_mps: (across, along the optical axis towards the camera) speed of the air; they are carried with it.
    """

    per_m3: float
    draw_diameters_mm: Callable[[np.random.Generator, int], np.ndarray]
    fall_speed_mps: Callable[[np.ndarray], np.ndarray]
    near_m: float
    far_m: float
    wind_mps: tuple[float, float] = (0.0, 0.0)


def check_view(name: str, seed: int, focal_px: float, exposure_s: float, speed_mps: float) -> None:
    """Raises ConfigurationError, beginning with the weather's ``name``, for a value that no streaks can be drawn with.

    Args:
        name: of the weather.
        seed: 0 or more.
        focal_px: finite, above 0.
        exposure_s: above 0, up to 1.
        speed_mps: 0 to 100.
    """
    if seed < 0:
        raise ConfigurationError(f"{name} seed = {seed}; expected 0 or more")
    if not (math.isfinite(focal_px) and focal_px > 0):
        raise ConfigurationError(f"{name} focal_px = {focal_px}; expected a finite number above 0")
    if not 0.0 < exposure_s <= 1.0:
        raise ConfigurationError(f"{name} exposure_s = {exposure_s}; expected above 0, up to 1")
    if not 0.0 <= speed_mps <= 100.0:
        raise ConfigurationError(f"{name} speed_mps = {speed_mps}; expected 0 to 100")


def streak_cover(
    depth_m: np.ndarray,
    particles: FallingParticles,
    rng: np.random.Generator,
    focal_px: float,
    exposure_s: float,
    speed_mps: float,
) -> np.ndarray:
    """Share of the exposure during which near particles cover each pixel, (h, w) float32, 0 to 1.

    A particle of diameter D and speed v covers a point of its streak for D / v of the exposure (Garg and Nayar, 2007);
    thinner than a pixel it covers that part of the pixel. ``speed_mps`` is the camera's, along its axis.
    """
    height, width = depth_m.shape
    near, far = particles.near_m, particles.far_m
    # What starts above the image falls into it during the exposure, so the volume is a little larger than the view.
    half_x, half_y = 0.55 * width / focal_px, 0.55 * height / focal_px
    volume_m3 = 4 * half_x * half_y * (far**3 - near**3) / 3
    count = int(rng.poisson(particles.per_m3 * volume_m3))
    diameter_mm = particles.draw_diameters_mm(rng, count)
    # Places evenly in the view's pyramid: the cube of the distance is uniform.
    z = np.cbrt(near**3 + rng.random(count) * (far**3 - near**3))
    x, y = rng.uniform(-half_x, half_x, count) * z, rng.uniform(-half_y, half_y, count) * z
    speed = particles.fall_speed_mps(diameter_mm)
    across, towards = particles.wind_mps
    z_end = np.maximum(z - (speed_mps + towards) * exposure_s, near / 2)
    start = np.stack([x / z, y / z], -1) * focal_px
    end = np.stack([(x + across * exposure_s) / z_end, (y + speed * exposure_s) / z_end], -1) * focal_px
    length_px = np.linalg.norm(end - start, axis=-1) + 1e-6
    width_px = focal_px * diameter_mm * 1e-3 / z
    # While it runs along its streak, a point of it is covered for the time it takes to pass its own diameter.
    share = np.minimum(width_px / length_px, 1.0) * np.minimum(width_px, 1.0)
    # A streak shorter than its particle is as long as that.
    drawn_px = np.maximum(length_px, width_px)

    samples = np.ceil(drawn_px * np.maximum(width_px, 1.0) * 1.5).astype(np.int64)
    which = np.repeat(np.arange(count), samples)
    along = (np.arange(len(which)) - np.repeat(np.cumsum(samples) - samples, samples) + 0.5) / samples[which]
    along = (along - 0.5) * (drawn_px / length_px)[which] + 0.5
    aside = rng.uniform(-0.5, 0.5, len(which)) * width_px[which]
    direction = (end - start) / length_px[:, None]
    column = start[which, 0] + along * (end - start)[which, 0] - aside * direction[which, 1] + (width - 1) / 2
    row = start[which, 1] + along * (end - start)[which, 1] + aside * direction[which, 0] + (height - 1) / 2
    column, row = np.round(column).astype(np.int64), np.round(row).astype(np.int64)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    which, place = which[inside], (row * width + column)[inside]
    ray = np.hypot(np.hypot(x, y), z)[which]
    visible = ray < depth_m.ravel()[place]
    weight = (share * drawn_px * np.maximum(width_px, 1.0) / samples)[which]
    cover = np.bincount(place[visible], weight[visible], minlength=height * width).reshape(height, width)
    return np.minimum(cover, 1.0).astype(np.float32)
