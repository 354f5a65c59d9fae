"""Colour and class of road, pavement and grass."""

from dataclasses import dataclass

import numpy as np

from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.noise import keyed_rng
from camseg_core.rendering.street import PAVEMENT, ROAD, SAMPLE_M, TREE, GroundProfile
from camseg_core.srgb import srgb_to_linear

_SALT = 30
_FINE_TILE_M, _STAINS_TILE_M = 2.4, 22.0
_YELLOW = np.array([0.9, 0.6, 0.12], np.float32)
_MIDDLE_GREY = float(srgb_to_linear(np.array(128 / 255)))
"""Linear value of the grey that road and stains textures have on average."""


@dataclass(frozen=True)
class GroundPoints:
    """Points on the ground, one for each pixel that shows it; all (n,).

    Attributes:
        s, y: float32 street coordinates, metres.
        index: int32, the sample of the ground's profile they lie in.
        across_px, along_px: float32, metres of ground that one pixel covers across and along the street; thin markings
            fade with them instead of flickering.
        marks: uint8, how much of the pixel an arrow or another single mark covers.
    """

    s: np.ndarray
    y: np.ndarray
    index: np.ndarray
    across_px: np.ndarray
    along_px: np.ndarray
    marks: np.ndarray


class Ground:
    """The ground of one drive: materials and markings."""

    def __init__(self, seed: int, atlas: TextureAtlas, decode: np.ndarray) -> None:
        rng = keyed_rng(seed, _SALT)
        self._atlas, self._decode = atlas, decode
        self._road = (
            rng.uniform(0.07, 0.24) * rng.uniform(0.95, 1.05, (2, 3)) * rng.uniform(0.75, 1.3, (2, 1))
        ).astype(np.float32)
        self._paint = np.float32(rng.uniform(0.35, 0.75))
        self._worn = float(rng.uniform(0.0, 0.7))
        self._kerb = float(rng.uniform(0.12, 0.45))
        self._dash_m, self._period_m = ((2.0, 6.0), (4.0, 6.0), (3.0, 9.0))[int(rng.integers(3))]
        self._edge_line = bool(rng.random() < 0.25)

    def shade(self, points: GroundPoints, profile: GroundProfile) -> tuple[np.ndarray, np.ndarray]:
        """Linear reflectance, (n, 3) float32, and class, (n,) uint8, of points on the ground."""
        flat = points.index * 2 + (points.y > 0)
        reach = np.abs(points.y)
        beyond_road = reach - profile.road.ravel()[flat]
        asphalt = profile.asphalt[points.index]
        on_road = beyond_road < 0
        on_grass = (reach >= profile.walk.ravel()[flat]) & profile.grass.ravel()[flat]
        label = np.where(on_road, ROAD, PAVEMENT).astype(np.uint8)
        label[on_grass] = TREE

        ids = {name: np.array(self._atlas.ids(name), np.int32) for name in ("asphalt", "stains", "paving", "grass")}
        texture = ids["paving"][asphalt]
        np.copyto(texture, ids["asphalt"][asphalt], where=on_road)
        np.copyto(texture, ids["grass"][asphalt], where=on_grass)
        spread_m = np.sqrt(points.across_px * points.along_px)
        per_m = np.float32(SIZE / _FINE_TILE_M)
        color = self._decode[self._atlas.lookup(texture, points.s * per_m, points.y * per_m, spread_m * per_m)[:, :3]]
        per_m = np.float32(SIZE / _STAINS_TILE_M)
        stains = self._atlas.lookup(ids["stains"][asphalt], points.s * per_m, points.y * per_m, spread_m * per_m)
        factor = self._decode[stains[:, 1]] * np.float32(1 / _MIDDLE_GREY)
        tone = self._road[asphalt] * np.float32(1 / _MIDDLE_GREY)
        tone[~on_road] = 1
        color *= tone
        color *= factor[:, None]

        white, yellow = self._markings(points, profile, beyond_road, flat)
        single = points.marks * np.float32((1 - 0.7 * self._worn) / 255)
        white = np.maximum(white, single * on_road)
        kerb = np.clip(0.5 + (0.09 - np.abs(beyond_road - 0.07)) / points.across_px, 0, 1) * np.float32(0.8)
        color += (self._paint * np.clip(factor, 0.6, 1.2)[:, None] - color) * white[:, None]
        color += (self._paint * _YELLOW - color) * yellow[:, None]
        color += (np.float32(self._kerb) - color) * kerb[:, None]
        return color, label

    def _markings(
        self, points: GroundPoints, profile: GroundProfile, beyond_road: np.ndarray, flat: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """How much of each point is white and how much yellow paint, (n,) float32, 0 to 1."""
        across_px = points.across_px

        def line(distance: np.ndarray, width_m: float) -> np.ndarray:
            return np.clip((width_m / 2 - np.abs(distance)) / across_px + 0.5, 0, 1) * np.minimum(
                1, width_m / across_px
            )

        phase = np.abs((points.s % self._period_m) - self._dash_m / 2)
        phase = np.minimum(phase, self._period_m - phase)
        dashes = np.clip((self._dash_m / 2 - phase) / points.along_px + 0.5, 0, 1)
        white = line(points.y, 0.12) * dashes * profile.dashed[points.index]
        if self._edge_line:
            white = np.maximum(white, line(beyond_road + 0.5, 0.1))
        zebra = profile.zebra[points.index]
        if zebra.any():
            bar = np.abs((points.y % 1.1) - 0.55)
            bars = np.clip((0.275 - bar) / across_px + 0.5, 0, 1) * (beyond_road < -0.4)
            white = np.where(zebra, bars, white)
        double = np.maximum(line(beyond_road + 0.28, 0.07), line(beyond_road + 0.48, 0.07))
        yellow = double * profile.yellow.ravel()[flat]
        fade = np.float32(1 - self._worn * 0.7)
        return white.astype(np.float32) * fade, yellow.astype(np.float32) * fade


def in_house_shade(
    s: np.ndarray, y: np.ndarray, h: np.ndarray | float, start_s: float, profile: GroundProfile, sun: np.ndarray
) -> np.ndarray:
    """Whether houses hide the sun from points (s, y, h), all (n,); ``sun`` is its direction ahead, right, up."""
    flat = np.hypot(sun[0], sun[1])
    if flat < 1e-6 or abs(sun[1]) < 0.02:
        return np.zeros(len(s), bool)
    side = int(sun[1] > 0)
    toward = 1.0 if side else -1.0
    last = len(profile.wall) - 1
    index = np.clip((s - start_s) / SAMPLE_M, 0, last).astype(np.int32)
    # The front's distance is taken beside the point; it changes little over the length of a shadow.
    distance = (profile.wall[index, side] - toward * y) / np.float32(abs(sun[1]) / flat)
    reached = np.clip(index + distance * np.float32(sun[0] / flat / SAMPLE_M), 0, last).astype(np.int32)
    return (profile.height[reached, side] > h + distance * np.float32(sun[2] / flat)) & (distance > 0.05)
