"""Colour and class of road, pavement and grass."""

import numpy as np

from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.noise import keyed_rng
from camseg_core.rendering.street import PAVEMENT, ROAD, SAMPLE_M, TREE, GroundProfile
from camseg_core.srgb import srgb_to_linear

_SALT = 30
_MIDDLE_GREY = float(srgb_to_linear(np.array(128 / 255)))
"""Linear value of the grey that road and stains textures have on average."""


class Ground:
    """The ground of one drive: materials and markings."""

    def __init__(self, seed: int, atlas: TextureAtlas, decode: np.ndarray) -> None:
        rng = keyed_rng(seed, _SALT)
        self._atlas, self._decode = atlas, decode
        self._road = (rng.uniform(0.07, 0.24) * rng.uniform(0.95, 1.05, (2, 3)) * rng.uniform(0.75, 1.3, (2, 1))).astype(np.float32)
        self._paint = np.float32(rng.uniform(0.35, 0.75))
        self._worn = float(rng.uniform(0.0, 0.7))
        self._kerb = float(rng.uniform(0.12, 0.45))
        self._dash_m, self._period_m = ((2.0, 6.0), (4.0, 6.0), (3.0, 9.0))[int(rng.integers(3))]
        self._edge_line = bool(rng.random() < 0.25)
        self._wheel_tracks = float(rng.uniform(-0.12, 0.12))

    def shade(
        self, s: np.ndarray, y: np.ndarray, index: np.ndarray, profile: GroundProfile, across_px: np.ndarray, along_px: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Linear reflectance, (n, 3) float32, and class, (n,) uint8, of ground points.

        ``s`` and ``y`` are (n,) street coordinates, ``index`` the samples of ``profile``, ``across_px`` and ``along_px`` the metres of
        ground that one pixel covers across and along the street: thin markings fade with them instead of flickering.
        """
        right = (y > 0).astype(np.int8)
        reach = np.abs(y)
        flat = index * 2 + right
        beyond_road = reach - profile.road.ravel()[flat]
        beyond_walk = reach - profile.walk.ravel()[flat]
        asphalt = profile.asphalt[index]
        on_road = beyond_road < 0
        on_grass = (beyond_walk >= 0) & profile.grass.ravel()[flat]
        label = np.where(on_road, ROAD, PAVEMENT).astype(np.uint8)
        label[on_grass] = TREE

        ids = {name: np.array(self._atlas.ids(name), np.int32) for name in ("asphalt", "stains", "paving", "grass")}
        texture = ids["paving"][asphalt]
        np.copyto(texture, ids["asphalt"][asphalt], where=on_road)
        np.copyto(texture, ids["grass"][asphalt], where=on_grass)
        spread = np.sqrt(across_px * along_px)
        per_m = np.float32(SIZE / 2.4)
        color = self._decode[self._atlas.lookup(texture, s * per_m, y * per_m, spread * per_m)[:, :3]]
        per_m = np.float32(SIZE / 22.0)
        stains = self._atlas.lookup(ids["stains"][asphalt], s * per_m, y * per_m, spread * per_m)
        factor = self._decode[stains[:, 1]] * np.float32(1 / _MIDDLE_GREY)
        # Tyres polish or darken the road where they run.
        lane = np.where(on_road, self._road[asphalt].T * np.float32(1 / _MIDDLE_GREY), np.float32(1.0)).T
        color *= lane
        color *= factor[:, None]
        paint = self._markings(s, y, reach, beyond_road, index, flat, profile, across_px, along_px)
        kerb = np.clip(0.5 + (0.09 - np.abs(beyond_road - 0.07)) / across_px, 0, 1) * np.float32(0.8)
        white, yellow = paint
        color += (self._paint * np.clip(factor, 0.6, 1.2)[:, None] - color) * white[:, None]
        color += (self._paint * np.array([0.9, 0.6, 0.12], np.float32) - color) * yellow[:, None]
        color += (np.float32(self._kerb) - color) * kerb[:, None]
        return color, label

    def _markings(
        self, s: np.ndarray, y: np.ndarray, reach: np.ndarray, beyond_road: np.ndarray, index: np.ndarray, flat: np.ndarray,
        profile: GroundProfile, across_px: np.ndarray, along_px: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """How much of each point is white and how much yellow paint, 0 to 1."""

        def line(distance: np.ndarray, width_m: float) -> np.ndarray:
            return np.clip((width_m / 2 - np.abs(distance)) / across_px + 0.5, 0, 1) * np.minimum(1, width_m / across_px)

        phase = np.abs((s % self._period_m) - self._dash_m / 2)
        phase = np.minimum(phase, self._period_m - phase)
        dashes = np.clip((self._dash_m / 2 - phase) / along_px + 0.5, 0, 1)
        white = line(y, 0.12) * dashes * profile.dashed[index]
        if self._edge_line:
            white = np.maximum(white, line(beyond_road + 0.5, 0.1))
        zebra = profile.zebra[index]
        if zebra.any():
            bar = np.abs((y % 1.1) - 0.55)
            bars = np.clip((0.275 - bar) / across_px + 0.5, 0, 1) * (beyond_road < -0.4)
            white = np.where(zebra, bars, white)
        double = np.maximum(line(beyond_road + 0.28, 0.07), line(beyond_road + 0.48, 0.07))
        yellow = double * profile.yellow.ravel()[flat]
        fade = np.float32(1 - self._worn * 0.7)
        return white.astype(np.float32) * fade, yellow.astype(np.float32) * fade


def in_house_shade(
    s: np.ndarray, y: np.ndarray, h: np.ndarray | float, start_s: float, profile: GroundProfile, sun: np.ndarray
) -> np.ndarray:
    """Whether the houses' fronts hide the sun from points (s, y, h), all (n,); ``sun`` is its direction ahead, right, up."""
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
