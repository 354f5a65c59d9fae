"""Frames of simulated weather from many cameras, to fit on what causes drift."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.labels import CAMVID, LabelSet
from camseg_core.rendering import SPEED_MPS, Drive, PinholeCamera
from camseg_core.training.augmentation import AugmentationSettings, random_view
from camseg_core.weather import Weather, WeatherKind, apply_weather, assumed_camera, estimate_depth
from camseg_core.weather.scattering import RGB

SEVERITY_RANGES: dict[WeatherKind, tuple[float, float]] = {
    "fog": (30.0, 1500.0),
    "rain": (5.0, 120.0),
    "snow": (0.5, 8.0),
    "night": (0.3, 25.0),
    "lens_blockage": (15.0, 70.0),
}
"""Severities are drawn between these, evenly in the logarithm."""

_FOGS = 3
"""Frames of fog for one of each other weather: its visibility is learned too."""

FRAMES_PER_SCENE = len(get_args(WeatherKind)) - 1 + _FOGS

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
_SMALLEST_CROP = 0.55
_PHOTOGRAPHED_CAMERAS = 3
"""Each sequence of photographs is seen through so many different crops, a camera each."""

_SALT = 90


@dataclass(frozen=True)
class SimulatedFrame:
    """One frame.

    Attributes:
        camera: which camera it is from; its clear frames are what the others are compared with.
        sequence: the drive that it looks at, which several cameras may do.
        weather: what was put into it.
        image: (height, width, 3) uint8 RGB.
    """

    camera: str
    sequence: str
    weather: Weather
    image: np.ndarray


@dataclass(frozen=True)
class _Scene:
    image: np.ndarray
    depth_m: np.ndarray
    labels: np.ndarray
    camera: PinholeCamera
    label_set: LabelSet
    speed_mps: float


@dataclass(frozen=True)
class _Crop:
    """The part of the image that a camera shows, and whether mirrored: fractions of width and height."""

    left: float
    top: float
    size: float
    mirrored: bool

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Crop":
        size = float(rng.uniform(_SMALLEST_CROP, 1.0))
        left, top = (float(rng.uniform(0.0, 1.0 - size)) for _ in range(2))
        return cls(left, top, size, bool(rng.random() < 0.5))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        rows = slice(round(self.top * height), round((self.top + self.size) * height))
        columns = slice(round(self.left * width), round((self.left + self.size) * width))
        part = cv2.resize(image[rows, columns], (width, height), interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(part[:, ::-1]) if self.mirrored else part


def rendered_frames(seeds: range, scenes: int) -> Iterator[SimulatedFrame]:
    """``scenes`` moments of each of the drives, each moment in every weather; a drive is a camera."""
    for seed in seeds:
        drive = Drive(seed)
        crop = _Crop.draw(np.random.default_rng((_SALT, seed)))
        for number in range(scenes):
            frame = drive.frame(_FRAME_SPACING_S * number)
            scene = _Scene(frame.image, frame.depth_m, frame.labels, drive.camera, CAMVID, SPEED_MPS)
            name, rng = f"drive {seed}", np.random.default_rng((_SALT, seed, number))
            yield from _in_every_weather(name, name, scene, crop, rng)


def photographed_frames(dataset: LabelledDataset, label_set: LabelSet, every: int) -> Iterator[SimulatedFrame]:
    """Each ``every``-th photograph of a dataset in every weather, with depth estimated from its labels.

    What the photographs' names share up to the first underscore is a drive: in CamVid, a sequence.
    """
    for index in range(0, len(dataset), every):
        sample = dataset[index]
        camera = assumed_camera(sample.image.shape[1], sample.image.shape[0], sample.labels, label_set)
        depth_m = estimate_depth(sample.labels, camera, label_set)
        scene = _Scene(sample.image, depth_m, sample.labels, camera, label_set, 0.0)
        number = index // every % _PHOTOGRAPHED_CAMERAS
        crop = _Crop.draw(np.random.default_rng((_SALT, number)))
        sequence = sample.name.split("_")[0]
        rng = np.random.default_rng((_SALT, 0, index))
        yield from _in_every_weather(f"{sequence} {number}", sequence, scene, crop, rng)


def _in_every_weather(
    camera: str, sequence: str, scene: _Scene, crop: _Crop, rng: np.random.Generator
) -> Iterator[SimulatedFrame]:
    for kind in get_args(WeatherKind):
        for _ in range(_FOGS if kind == "fog" else 1):
            weather = _draw(kind, rng)
            image = apply_weather(
                weather,
                scene.image,
                scene.depth_m,
                int(rng.integers(2**31)),
                speed_mps=scene.speed_mps,
                camera=scene.camera,
                labels=scene.labels if rng.random() < 0.7 else None,
                label_set=scene.label_set,
                airlight=_draw_airlight(rng),
            )
            view = random_view(LabelledImage(crop(image), scene.labels, camera), image.shape[:2], _APPEARANCE, rng)
            yield SimulatedFrame(camera, sequence, weather, view.image)


def _draw(kind: WeatherKind, rng: np.random.Generator) -> Weather:
    if kind == "clear":
        return Weather.clear()
    low, high = SEVERITY_RANGES[kind]
    return Weather(kind, math.exp(rng.uniform(math.log(low), math.log(high))))


def _draw_airlight(rng: np.random.Generator) -> RGB:
    """Grey of any brightness that cameras give to fog, slightly warm or cold."""
    grey, tint = rng.uniform(110.0, 225.0), rng.normal(0.0, 4.0)
    red, green, blue = (round(float(np.clip(grey + shift, 0, 255))) for shift in (tint, 0.0, -tint))
    return red, green, blue
