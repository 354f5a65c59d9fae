"""The built-in demo clip: a procedural drive through clear air, fog, clear air again, and rain."""

import math
from collections.abc import Iterator

import numpy as np

from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.rendering import SPEED_MPS, Drive
from camseg_core.weather import (
    AIRLIGHT,
    Weather,
    apply_fog,
    apply_rain,
    fog_extinction_per_m,
    rain_extinction_per_m,
)
from camseg_core.weather.rain import drops_seed
from camseg_core.weather.scattering import decode, encode

DURATION_S = 48.0

FOG_BELOW_M = 1000.0
"""Fog begins where visibility falls below this (WMO)."""

RAIN_FROM_MM_PER_H = 0.5
"""Rain begins at this rate (ASAM OSI: light rain; less is very light)."""

_CLEAR_VISIBILITY_M = 50_000.0
_SKY_PATH_M = 3000.0
"""Length of fog or rain in front of the sky: finite, so that the sky changes smoothly while the weather rolls in."""

_FOG_KNOTS_S = (12.0, 15.0, 18.0, 22.0, 25.0)
_FOG_KNOTS_M = (_CLEAR_VISIBILITY_M, 150.0, 80.0, 130.0, _CLEAR_VISIBILITY_M)
_RAIN_BEGIN_S = 36.0
_RAIN_KNOTS_S = (39.0, 42.0, 48.0)
_RAIN_KNOTS_MM_PER_H = (25.0, 50.0, 30.0)


def visibility_m_at(time_s: float) -> float:
    """Visibility in metres at a time of the clip, inf in clear air; between the knots its logarithm is linear."""
    if not _FOG_KNOTS_S[0] < time_s < _FOG_KNOTS_S[-1]:
        return math.inf
    return float(np.exp(np.interp(time_s, _FOG_KNOTS_S, np.log(_FOG_KNOTS_M))))


def rain_mm_per_h_at(time_s: float) -> float:
    """Rain rate in mm/h at a time of the clip.

    It sets in with the square of time, because extinction rises steeply with the first drops (R^0.63), and is linear
    between the knots.
    """
    begun = min(max((time_s - _RAIN_BEGIN_S) / (_RAIN_KNOTS_S[0] - _RAIN_BEGIN_S), 0.0), 1.0)
    return float(begun**2 * np.interp(time_s, _RAIN_KNOTS_S, _RAIN_KNOTS_MM_PER_H))


class RenderedClip:
    """A clip of 48 s: clear to 12 s, fog of 80 to 150 m to 25 s, clear to 36 s, rain of up to 50 mm/h to the end.

    Every frame's ``weather`` is what was put into that frame: fog where visibility is below 1000 m, rain from 0.5 mm/h,
    else clear.

    Args:
        seed: of the drive and of the drops, 0 or more.
        rate_hz: frames a second, above 0, up to 100; 5 gives 240 frames.
        width_px, height_px: image size, 16 to 8192 each.

    Raises ConfigurationError for a value out of its range.
    """

    def __init__(self, seed: int = 0, rate_hz: float = 5.0, width_px: int = 480, height_px: int = 360) -> None:
        if not 0.0 < rate_hz <= 100.0:
            raise ConfigurationError(f"clip rate_hz = {rate_hz}; expected above 0, up to 100")
        self._drive = Drive(seed, width_px, height_px)
        first = self._drive.frame(0.0)
        sky = decode(first.image)[first.labels == CAMVID.names.index("sky")]
        airlight = decode(np.array(AIRLIGHT, np.uint8)).mean()
        self._full_gain = min(1.0, float(airlight / sky.mean())) if len(sky) else 1.0
        self._seed = seed
        self._rate_hz = rate_hz

    def __len__(self) -> int:
        return round(DURATION_S * self._rate_hz)

    def __iter__(self) -> Iterator[SourceFrame]:
        return (self._frame(number) for number in range(len(self)))

    def _frame(self, number: int) -> SourceFrame:
        time_s = number / self._rate_hz
        rendered = self._drive.frame(time_s)
        image, weather = rendered.image, Weather.clear()
        depth_m = np.minimum(rendered.depth_m, np.float32(_SKY_PATH_M))
        visibility_m, rate_mm_per_h = visibility_m_at(time_s), rain_mm_per_h_at(time_s)
        extinction = fog_extinction_per_m(visibility_m) + rain_extinction_per_m(rate_mm_per_h)
        image = self._metered(image, 1.0 - math.exp(-extinction * _SKY_PATH_M))
        image = apply_fog(image, depth_m, visibility_m)
        if visibility_m < FOG_BELOW_M:
            weather = Weather.fog(visibility_m)
        if rate_mm_per_h > 0:
            focal_px = self._drive.camera.focal_px
            drops = drops_seed(self._seed, number)
            image = apply_rain(image, depth_m, rate_mm_per_h, drops, focal_px=focal_px, speed_mps=SPEED_MPS)
            if rate_mm_per_h >= RAIN_FROM_MM_PER_H:
                weather = Weather.rain(rate_mm_per_h)
        return SourceFrame(image, round(number * 1e9 / self._rate_hz), rendered.labels, weather)

    def _metered(self, image: np.ndarray, sky_lost: float) -> np.ndarray:
        """The image of a camera that meters on the veiled sky, a share ``sky_lost`` of which is airlight.

        Without this a sky that was overexposed in clear air would stay whiter between the twigs of near trees than the
        fog around them.
        """
        gain = 1.0 + (self._full_gain - 1.0) * sky_lost
        return encode(decode(np.arange(256, dtype=np.uint8)) * np.float32(gain))[image]
