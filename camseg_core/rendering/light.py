"""Sun, sky and the camera's exposure."""

import math

import numpy as np

from camseg_core.rendering.noise import keyed_rng, tile_noise
from camseg_core.srgb import linear_to_srgb

_SALT = 20
_SKY_COLUMNS, _SKY_ROWS = 1024, 128


class Light:
    """The light of one drive and how the camera renders it; all radiance is linear, 1 is a white surface in full light.

    Attributes:
        sun_azimuth, sun_elevation: radians; azimuth clockwise from the street's heading 0.
        sun: radiance the sun adds to a white surface facing it; ``ambient``: (3,) what the sky gives everywhere.
    """

    def __init__(self, seed: int) -> None:
        rng = keyed_rng(seed, _SALT)
        self.sun_azimuth = float(rng.uniform(-math.pi, math.pi))
        self.sun_elevation = float(rng.uniform(0.25, 0.95))
        clear = rng.random()
        self.sun = float(max(0.0, rng.uniform(-0.5, 1.6)))
        warm = rng.uniform(0.0, 0.12) * min(1.0, self.sun)
        self.sun_color = np.array([1 + warm, 1.0, 1 - 2 * warm], np.float32)
        self.ambient = np.array([0.96, 1.0, 1.05], np.float32) * np.float32(rng.uniform(0.35, 0.75))
        exposure = math.exp(rng.normal(0.0, 0.38))
        if rng.random() < 0.18:
            exposure *= rng.uniform(0.2, 0.5)
        self._exposure = exposure
        self._balance = np.exp(rng.normal(0.0, [0.05, 0.015, 0.05])).astype(np.float32)
        self._contrast = float(rng.uniform(0.85, 1.35))
        self._black = float(rng.uniform(0.0, 0.012))
        self._make_sky(rng, clear)
        steps = np.linspace(0, 1, 4096)
        encoded = linear_to_srgb(np.clip(steps * (1 - self._black) + self._black, 0, 1))
        curve = encoded ** (1 / self._contrast) if self._contrast < 1 else encoded**self._contrast * 0.5 + encoded * 0.5
        self._encode = np.round(curve * 255).astype(np.uint8)

    def _make_sky(self, rng: np.random.Generator, clear: float) -> None:
        """Radiance by elevation (rows, from the horizon up to pi/2) and azimuth, brightest near horizon and sun."""
        bright = float(rng.uniform(0.7, 2.6))
        zenith = np.array([0.16, 0.32, 0.72]) * rng.uniform(0.5, 1.3) * bright
        if clear < 0.5:
            zenith = np.full(3, rng.uniform(0.5, 1.1)) * bright
        horizon = np.array([0.9, 0.95, 1.0]) * bright
        height = np.linspace(0, 1, _SKY_ROWS)[:, None, None]
        blend = np.clip(height * rng.uniform(1.2, 2.6), 0, 1) ** rng.uniform(0.5, 1.0)
        sky = horizon * (1 - blend) + zenith * blend
        sky = np.broadcast_to(sky, (_SKY_ROWS, _SKY_COLUMNS, 3)).copy()
        if rng.random() < 0.75:
            noise = tile_noise(rng, _SKY_COLUMNS, (4, 8, 16, 32, 64, 128), (1, 0.8, 0.6, 0.4, 0.25, 0.12))
            # Clouds flatten towards the horizon: look the noise up on a plane overhead.
            rows = (np.arange(_SKY_ROWS) ** 0.7 * 14).astype(int) % _SKY_COLUMNS
            cover = np.clip((noise[rows] + rng.uniform(-1.0, 1.2)) * rng.uniform(0.4, 1.4), 0, 1)[..., None]
            shade = 1 + 0.35 * np.roll(noise, 9, axis=0)[rows][..., None]
            cloud = np.array([1.0, 1.0, 1.0]) * bright * rng.uniform(0.5, 1.3) * np.clip(shade, 0.35, 1.6)
            sky = sky * (1 - cover) + cloud * cover
        azimuth = np.linspace(-math.pi, math.pi, _SKY_COLUMNS, endpoint=False)[None, :]
        elevation = np.linspace(0, math.pi / 2, _SKY_ROWS)[:, None]
        cosine = np.sin(elevation) * math.sin(self.sun_elevation) + np.cos(elevation) * math.cos(
            self.sun_elevation
        ) * np.cos(azimuth - self.sun_azimuth)
        sky = sky * (1 + self.sun * 1.5 * np.clip(cosine, 0, 1)[..., None] ** 12)
        self._sky = sky.astype(np.float32)

    def sky(self, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
        """Radiance for each elevation (rows) and azimuth (columns) in radians, (rows, columns, 3) float32."""
        columns = ((azimuth + math.pi) * (_SKY_COLUMNS / (2 * math.pi))).astype(int) % _SKY_COLUMNS
        rows = np.clip(elevation * (_SKY_ROWS / (math.pi / 2)), 0, _SKY_ROWS - 1).astype(int)
        return self._sky[rows[:, None], columns[None, :]]

    def sun_direction(self, heading: float) -> np.ndarray:
        """Unit vector to the sun as metres ahead, right and up for a vehicle with this heading, (3,) float64."""
        flat = math.cos(self.sun_elevation)
        angle = self.sun_azimuth - heading
        return np.array([flat * math.cos(angle), flat * math.sin(angle), math.sin(self.sun_elevation)])

    def expose(self, radiance: np.ndarray) -> np.ndarray:
        """The camera's sRGB values, uint8, of linear radiance (..., 3) float32; changes ``radiance``."""
        radiance *= self._balance * np.float32(self._exposure * (len(self._encode) - 1))
        np.minimum(radiance, len(self._encode) - 1, out=radiance)
        return self._encode[radiance.astype(np.uint16)]
