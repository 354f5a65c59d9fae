"""Frames of simulated weather from many cameras, to fit on what causes drift."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.labels import CAMVID, LabelSet
from camseg_core.rendering import SPEED_MPS, Drive, PinholeCamera
from camseg_core.training.augmentation import AugmentationSettings, random_view
from camseg_core.weather import Weather, apply_weather, assumed_camera, estimate_depth
from camseg_core.weather.scattering import RGB

SEVERITY_RANGES: dict[str, tuple[float, float]] = {
    "fog": (30.0, 1500.0),
    "rain": (5.0, 120.0),
    "snow": (0.5, 8.0),
    "night": (0.5, 60.0),
    "lens_blockage": (12.0, 70.0),
}
"""Between these, evenly in the logarithm, severities are drawn."""

_WEATHERS = ("clear", "fog", "fog", "rain", "snow", "night", "lens_blockage")
"""What is made of each scene; fog twice, for its visibility is learned too."""

_APPEARANCE = AugmentationSettings(
    zoom_min=1.0,
    zoom_max=1.0,
    rotation_deg=0.0,
    flip_probability=0.0,
    brightness=0.2,
    contrast=0.15,
    saturation=0.25,
    gamma=0.2,
    color_shift=0.05,
    noise_sigma=4.0,
)
"""How the same camera differs between days: light, exposure, white balance."""

_FRAME_SPACING_S = 3.1
_SALT = 90


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame.

    Attributes:
        camera: which camera it is from; its clear frames are what the others are compared with.
        weather: what was put into it.
        image: (height, width, 3) uint8 RGB.
    """

    camera: str
    weather: Weather
    image: np.ndarray


@dataclass(frozen=True)
class _Scene:
    image: np.ndarray
    depth_m: np.ndarray
    labels: np.ndarray
    camera: PinholeCamera
    label_set: LabelSet


def rendered_frames(seeds: range, scenes: int) -> Iterator[SimulatedFrame]:
    """``scenes`` moments of each of the drives, each moment in every weather; a drive is a camera."""
    for seed in seeds:
        drive = Drive(seed)
        for number in range(scenes):
            frame = drive.frame(_FRAME_SPACING_S * number)
            scene = _Scene(frame.image, frame.depth_m, frame.labels, drive.camera, CAMVID)
            yield from _weathers(f"drive {seed}", scene, np.random.default_rng((_SALT, seed, number)), SPEED_MPS)


def frames_of(dataset: LabelledDataset, label_set: LabelSet, every: int) -> Iterator[SimulatedFrame]:
    """Each ``every``-th photograph of a dataset in every weather, with depth estimated from its labels.

    A camera is what the names share up to the first underscore: in CamVid, a sequence.
    """
    for index in range(0, len(dataset), every):
        sample = dataset[index]
        camera = assumed_camera(sample.image.shape[1], sample.image.shape[0], sample.labels, label_set)
        depth_m = estimate_depth(sample.labels, camera, label_set)
        scene = _Scene(sample.image, depth_m, sample.labels, camera, label_set)
        yield from _weathers(sample.name.split("_")[0], scene, np.random.default_rng((_SALT, index)), 0.0)


def _weathers(camera: str, scene: _Scene, rng: np.random.Generator, speed_mps: float) -> Iterator[SimulatedFrame]:
    for kind in _WEATHERS:
        weather = _draw(kind, rng)
        image = apply_weather(
            weather,
            scene.image,
            scene.depth_m,
            int(rng.integers(2**31)),
            speed_mps=speed_mps,
            camera=scene.camera,
            labels=scene.labels if rng.random() < 0.7 else None,
            label_set=scene.label_set,
            airlight=_draw_airlight(rng),
        )
        height, width = scene.labels.shape
        view = random_view(LabelledImage(image, scene.labels, camera), (height, width), _APPEARANCE, rng)
        yield SimulatedFrame(camera, weather, view.image)


def _draw(kind: str, rng: np.random.Generator) -> Weather:
    if kind == "clear":
        return Weather.clear()
    low, high = SEVERITY_RANGES[kind]
    return Weather(kind, math.exp(rng.uniform(math.log(low), math.log(high))))  # type: ignore[arg-type]


def _draw_airlight(rng: np.random.Generator) -> RGB:
    """Grey of any brightness that cameras give to fog, slightly warm or cold."""
    grey, tint = rng.uniform(130.0, 225.0), rng.normal(0.0, 4.0)
    red, green, blue = (round(float(np.clip(grey + shift, 0, 255))) for shift in (tint, 0.0, -tint))
    return red, green, blue
