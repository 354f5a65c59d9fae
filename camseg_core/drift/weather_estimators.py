"""Cause and visibility for the detector, and their file: fitted once for a model, used with any camera's reference."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from camseg_core.drift.cause import UNKNOWN, CauseModel, GaussianClasses
from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS, split
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.visibility import VisibilityModel
from camseg_core.drift.weather_features import LightReadout, cause_features, visibility_features
from camseg_core.errors import WeightsError
from camseg_core.whole_file import write_whole

FILE_NAME = "weather_estimators.safetensors"
"""Beside a model's weights."""

FORMAT = "camseg-weather-estimators-2"

SCATTERING_CAUSES = ("fog", "rain", "snow")
"""Causes that take away visibility; where they are improbable together none is estimated."""

_MIN_PROBABILITY = 0.5


@dataclass(frozen=True)
class WeatherEstimate:
    """What is said of the weather in one frame.

    Attributes:
        causes: probability of each named cause; empty where none was estimated.
        visibility_m, visibility_std_m: meteorological optical range and its standard deviation in metres; both NaN
            where none was estimated.
    """

    causes: dict[str, float]
    visibility_m: float
    visibility_std_m: float


NO_ESTIMATE = WeatherEstimate({}, math.nan, math.nan)

_Arrays = TypeVar("_Arrays", LightReadout, GaussianClasses)


@dataclass(frozen=True)
class WeatherEstimators:
    """What has caused a drift, and how far one sees.

    Attributes:
        model_id: the model whose embeddings were fitted.
        embedding_hash: of what makes the model's embeddings, as in ``DriftReference``; "" where it is not known.
        readout: from embeddings to light and colour.
        cause, visibility: the models fitted.
    """

    model_id: str
    embedding_hash: str
    readout: LightReadout
    cause: CauseModel
    visibility: VisibilityModel

    def estimate(self, embedding: np.ndarray, reference: DriftReference, p_value: float) -> WeatherEstimate:
        """The probabilities of causes and of ``unknown``, which sum to 1, and the visibility.

        There is no visibility where fog, rain and snow are improbable, where the estimate is beyond MAX_VISIBILITY_M,
        or where the camera's clear frames show too little for fog to take any away.

        Args:
            embedding: (D,), finite.
            reference: of the camera.
            p_value: of the embedding's score by that reference.
        """
        features = cause_features(embedding[None], reference.embedding_mean, self.readout)
        probabilities = self.cause.probabilities(features, np.array([p_value]))[0]
        causes = dict(zip((*self.cause.names, UNKNOWN), map(float, probabilities), strict=True))
        if (
            sum(causes[name] for name in SCATTERING_CAUSES) < _MIN_PROBABILITY
            or clear_contrast(reference.embedding_mean) < self.visibility.min_clear_contrast
        ):
            return WeatherEstimate(causes, math.nan, math.nan)
        features = visibility_features(embedding[None], reference.embedding_mean, self.readout)
        visibility_m, deviation_m = self.visibility.estimate(features)
        return WeatherEstimate(causes, float(visibility_m[0]), float(deviation_m[0]))

    def save(self, path: Path) -> None:
        """Write the estimators to ``path``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {
            "format": FORMAT,
            "model_id": self.model_id,
            "embedding_hash": self.embedding_hash,
            "causes": json.dumps(self.cause.names),
            "grid": json.dumps([len(PARTS), ROWS, COLUMNS]),
        }
        arrays = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in self._arrays().items()}
        write_whole(path, save(arrays, header))

    @classmethod
    def load(cls, path: Path, model_id: str, embedding_hash: str = "") -> "WeatherEstimators":
        """The estimators in ``path``.

        Args:
            path: file made by ``save``.
            model_id: the model that is going to be used.
            embedding_hash: of what makes its embeddings; "" does not compare it.

        Raises:
            WeightsError: the file is missing, not whole, or fitted for another model or embedding.
        """
        advice = "fit them with `camseg weather fit`"
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; expected weather estimators: {advice}")
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata() or {}
                arrays = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: is not a whole safetensors file ({error})") from error
        expected = {"format": FORMAT, "model_id": model_id, "grid": json.dumps([len(PARTS), ROWS, COLUMNS])}
        if embedding_hash:
            expected["embedding_hash"] = embedding_hash
        for name, value in expected.items():
            if header.get(name) != value:
                raise WeightsError(f"{path}: {name} is {header.get(name)!r}; expected {value!r}: {advice}")
        try:
            return cls._from_arrays(header, arrays)
        except (ValueError, KeyError, TypeError) as error:  # an entry that is missing, damaged or of no use
            raise WeightsError(f"{path}: are not whole weather estimators ({error!r}): {advice}") from error

    @classmethod
    def _from_arrays(cls, header: Mapping[str, str], arrays: dict[str, np.ndarray]) -> "WeatherEstimators":
        cause = CauseModel(
            tuple(json.loads(header["causes"])),
            _group(GaussianClasses, arrays, "cause.classes."),
            _group(GaussianClasses, arrays, "cause.colors."),
            arrays["cause.held_out"],
            arrays["cause.color_held_out"],
        )
        stored = {field.name: arrays[f"visibility.{field.name}"] for field in fields(VisibilityModel)}
        scalars = {name: float(stored.pop(name).item()) for name in ("offset", "gamma", "min_clear_contrast")}
        visibility = VisibilityModel(**stored, **scalars)  # type: ignore[arg-type]  # arrays and numbers by name
        readout = _group(LightReadout, arrays, "readout.")
        return cls(header["model_id"], header["embedding_hash"], readout, cause, visibility)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {
            **_named(self.readout, "readout."),
            **_named(self.cause.classes, "cause.classes."),
            **_named(self.cause.colors, "cause.colors."),
            "cause.held_out": self.cause.held_out,
            "cause.color_held_out": self.cause.color_held_out,
            **_named(self.visibility, "visibility."),
        }


def clear_contrast(clear_mean: np.ndarray) -> float:
    """Mean logarithm of contrast of a (D,) mean embedding."""
    return float(split(clear_mean)["log_contrast"].mean())


def _named(group: LightReadout | GaussianClasses | VisibilityModel, prefix: str) -> dict[str, np.ndarray]:
    return {prefix + field.name: np.asarray(getattr(group, field.name)) for field in fields(group)}


def _group(kind: type[_Arrays], arrays: dict[str, np.ndarray], prefix: str) -> _Arrays:
    return kind(**{field.name: arrays[prefix + field.name] for field in fields(kind)})
