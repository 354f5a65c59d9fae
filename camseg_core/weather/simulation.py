"""Any weather, put into one frame by the same call."""

import math

import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID, LabelSet
from camseg_core.rendering.camera import PinholeCamera
from camseg_core.weather.condition import Weather
from camseg_core.weather.depth import assumed_camera
from camseg_core.weather.fog import apply_fog
from camseg_core.weather.lens import apply_lens_blockage
from camseg_core.weather.night import apply_night
from camseg_core.weather.rain import apply_rain
from camseg_core.weather.scattering import AIRLIGHT, RGB, check_frame
from camseg_core.weather.snow import apply_snow, cover_ground
from camseg_core.weather.windscreen import Windscreen

_STANDING_MPS = 0.1
"""A slower camera may send several frames in a millimetre, which is as finely as the noise of a night knows places."""


def apply_weather(
    weather: Weather,
    image: np.ndarray,
    depth_m: np.ndarray,
    seed: int,
    *,
    time_s: float = 0.0,
    speed_mps: float = 0.0,
    camera: PinholeCamera | None = None,
    labels: np.ndarray | None = None,
    label_set: LabelSet = CAMVID,
    airlight: RGB = AIRLIGHT,
) -> np.ndarray:
    """The image of a clear day as it would be in this weather.

    The seed decides what stays for a whole drive: the dirt on the lens, the street lamps, the moment of the wiper.
    Together with ``time_s`` it decides what changes from frame to frame: drops, flakes, noise. The same arguments give
    the same bytes.

    Args:
        weather: what to put into the image; clear leaves it as it is.
        image: (height, width, 3) uint8 sRGB, by day.
        depth_m: (height, width) floating; range along each pixel's ray in metres, inf for sky. Measured, rendered,
            ``estimate_depth`` or ``ground_plane_depth``.
        seed: 0 or more.
        time_s: since the beginning of the drive, 0 or more.
        speed_mps: of the camera along its axis, 0 to 100: drops and flakes come towards it.
        camera: its geometry; None takes ``assumed_camera``.
        labels: (height, width) uint8 ids of ``label_set``; with them snow also lies on the ground, on as much of it as
            the seed decides.
        label_set: the meaning of ``labels``.
        airlight: sRGB colour of endless fog, rain or snow.

    Returns (height, width, 3) uint8 sRGB, a new array. Raises ConfigurationError for a value out of range, FrameError
    for arrays of wrong shape or type, or with negative or NaN depth.
    """
    check_frame(image, depth_m)
    if seed < 0:
        raise ConfigurationError(f"weather seed = {seed}; expected 0 or more")
    if not (math.isfinite(time_s) and time_s >= 0.0):
        raise ConfigurationError(f"weather time_s = {time_s}; expected a finite number, 0 or more")
    if camera is None:
        camera = assumed_camera(image.shape[1], image.shape[0])
    moment = int(np.random.SeedSequence((seed, round(time_s * 1e6))).generate_state(1)[0])
    if weather.kind == "fog":
        return apply_fog(image, depth_m, weather.severity, airlight)
    if weather.kind == "rain":
        return apply_rain(
            image,
            depth_m,
            weather.severity,
            moment,
            focal_px=camera.focal_px,
            speed_mps=speed_mps,
            airlight=airlight,
            windscreen=Windscreen(seed, time_s),
        )
    if weather.kind == "snow":
        if labels is not None:
            share = float(np.random.default_rng((seed, 5)).uniform(0.0, 1.0))
            image = cover_ground(image, depth_m, labels, share, seed, camera=camera, label_set=label_set)
        return apply_snow(
            image, depth_m, weather.severity, moment, focal_px=camera.focal_px, speed_mps=speed_mps, airlight=airlight
        )
    if weather.kind == "night":
        # The way driven is enough to change the noise of a moving camera, and what is published was drawn by it alone.
        stands = speed_mps < _STANDING_MPS
        return apply_night(
            image,
            depth_m,
            weather.severity,
            seed,
            camera=camera,
            position_m=time_s * speed_mps,
            time_s=time_s if stands else 0.0,
        )
    if weather.kind == "lens_blockage":
        return apply_lens_blockage(image, weather.severity, seed)
    return image.copy()
