"""A world of cameras whose embeddings change with the weather by a simple law, to fit and to test on."""

from dataclasses import dataclass

import numpy as np
import pytest

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.drift.weather_fitting import EmbeddedFrame, fit_weather_estimators
from camseg_core.weather import Weather

CHANNELS = 4
COLOR_OF_CHANNELS = np.array([[0.3, 0.3, 0.3], [0.1, 0.0, -0.1], [0.0, 0.1, 0.0], [0.05, -0.05, 0.1]])
"""The mean colour of an image is this much of each channel's mean, about a middle grey."""


@dataclass(frozen=True)
class World:
    """Cameras that look at distances growing from the lowest row to the horizon in the middle, with a sky above."""

    noise: float = 0.05

    def camera(self, number: int) -> np.ndarray:
        """Mean of a camera's clear frames, (PARTS, ROWS, COLUMNS, CHANNELS)."""
        rng = np.random.default_rng((7, number))
        mean = np.concatenate(
            [rng.normal(0, 0.2, (1, ROWS, COLUMNS, CHANNELS)), rng.normal(-0.5, 0.3, (3, ROWS, COLUMNS, CHANNELS))]
        )
        mean[0, ..., 1:] = rng.normal(0, 0.02, CHANNELS - 1)
        return mean

    def frame(self, number: int, weather: Weather, rng: np.random.Generator, cast: float = 0.0) -> EmbeddedFrame:
        """A frame of a camera; ``cast`` makes it orange."""
        embedding = self.camera(number) + rng.normal(0, self.noise, (len(PARTS), ROWS, COLUMNS, CHANNELS))
        row = np.arange(ROWS)[:, None, None]
        distance_m = np.minimum(15.0 * ROWS / np.maximum(2 * row - ROWS + 2, 0.35), 300.0)
        severity = weather.severity
        if weather.kind == "fog":
            embedding[1:] -= np.log(20) / severity * distance_m
            embedding[0, ..., 0] += 0.5
        elif weather.kind == "rain":
            embedding[1] -= 0.4
            embedding[3] += 0.5
        elif weather.kind == "snow":
            embedding[2:] += 0.8
            embedding[0, ..., 0] += 0.8
        elif weather.kind == "night":
            embedding[0, ..., 0] -= 1.5
        elif weather.kind == "lens_blockage":
            embedding[1:, : ROWS // 2, 0] -= 2.5
        embedding[0, ..., 1] += cast
        color = 0.5 + embedding[0].mean(axis=(0, 1)) @ COLOR_OF_CHANNELS
        return EmbeddedFrame(f"camera {number}", f"drive {number}", weather, embedding.ravel(), color)

    def frames(self, cameras: range, count: int, seed: int) -> list[EmbeddedFrame]:
        """``count`` frames of each weather and camera, with four times as many of fog."""
        rng = np.random.default_rng(seed)
        kinds = ("clear", "rain", "snow", "night", "lens_blockage")
        draws = {"clear": 0.0, "rain": 25.0, "snow": 2.0, "night": 5.0, "lens_blockage": 30.0}
        frames = []
        for number in cameras:
            for _ in range(count):
                frames += [self.frame(number, Weather(kind, draws[kind]), rng) for kind in kinds]
                visibilities = np.exp(rng.uniform(np.log(40), np.log(1200), 4))
                frames += [self.frame(number, Weather.fog(float(value)), rng) for value in visibilities]
        return frames


@dataclass
class ClearReference:
    """What the estimators ask of a drift reference: the mean of the clear frames."""

    embedding_mean: np.ndarray


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def weather_fit(world):
    """Estimators fitted on twelve cameras, and the report of the fit."""
    return fit_weather_estimators(world.frames(range(12), 5, seed=0), "camseg-tiny")


@pytest.fixture(scope="session")
def reference_of(world):
    """The reference of one of the world's cameras."""
    return lambda number: ClearReference(world.camera(number).ravel())
