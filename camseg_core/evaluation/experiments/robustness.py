"""Masks under corruptions and weather, of one or several models."""

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from camseg_core.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.tally import Outcome, Tally, tally_frames
from camseg_core.labels import LabelSet
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict
from camseg_core.weather import Weather, WeatherKind, apply_weather, assumed_camera, estimate_depth, severity_levels

_WEATHER_KINDS: tuple[WeatherKind, ...] = ("fog", "rain", "snow", "night")
WEATHERS: dict[str, tuple[Weather, ...]] = {kind: severity_levels(kind) for kind in _WEATHER_KINDS}
"""Weather by name, from slight to severe, as many as SEVERITIES."""

CONDITIONS = (*CORRUPTIONS, *WEATHERS)
CLEAN = "clean"

Models = Mapping[str, SegmentationModel]
"""Models by the names that tables call them by; all have the same label set."""


@dataclass(frozen=True)
class RobustnessExperiment:
    """What is compared.

    Attributes:
        conditions: names in CONDITIONS, each at SEVERITIES.
        sampling: how masks are drawn; its seed also draws noise, directions, drops and flakes.
    """

    conditions: tuple[str, ...] = CONDITIONS
    sampling: SamplingSettings = field(default_factory=SamplingSettings)

    def __post_init__(self) -> None:
        for name in self.conditions:
            if name not in CONDITIONS:
                raise ConfigurationError(f"corruption {name!r} is unknown; expected one of {', '.join(CONDITIONS)}")


def named_models(models: Sequence[tuple[str, SegmentationModel]]) -> dict[str, SegmentationModel]:
    """Models by the names they were asked for by; a model that is trained on keeps the id of what it began with.

    Raises:
        ConfigurationError: two have the same name, or label sets differ.
    """
    named: dict[str, SegmentationModel] = {}
    for name, model in models:
        first, label_set = models[0][0], models[0][1].label_set
        if name in named:
            raise ConfigurationError(f"two models are called {name!r}; expected different ones")
        if model.label_set != label_set:
            raise ConfigurationError(
                f"{name} tells the classes of {model.label_set.name!r} apart, {first} those of {label_set.name!r}; "
                "expected the same"
            )
        named[name] = model
    return named


def measure_robustness(
    models: Models, dataset: LabelledDataset, frames: range, experiment: RobustnessExperiment, journal: Journal
) -> dict[str, Tally]:
    """Segment each frame as it is and under every condition; each spoilt image is given to all models.

    Returns tallies by the names that ``tally_name`` makes. Args: see ``tally_frames``.
    """
    label_set = next(iter(models.values())).label_set

    def segment_all(sample: LabelledImage) -> Iterator[tuple[str, Outcome]]:
        for condition, severity, image in _versions(sample, experiment, label_set):
            for name, model in models.items():
                started = time.perf_counter()
                labels = predict(model, image, experiment.sampling).labels
                yield tally_name(name, condition, severity), Outcome(labels, time.perf_counter() - started)

    versions = [(CLEAN, 0), *((condition, severity) for condition in experiment.conditions for severity in SEVERITIES)]
    names = [tally_name(name, *version) for version in versions for name in models]
    return tally_frames(segment_all, dataset, frames, names, label_set, journal, "robustness")


def tally_name(model: str, condition: str, severity: int) -> str:
    """What the tally of a model under a condition is called; the severity of CLEAN is 0."""
    return f"{model} | {condition} {severity}"


def _versions(
    sample: LabelledImage, experiment: RobustnessExperiment, label_set: LabelSet
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Condition, severity and image: first the frame as it is, then each condition at each severity."""
    yield CLEAN, 0, sample.image
    # Of the name, not of the order: a frame is spoilt alike whatever else is measured.
    seed = zlib.crc32(f"{experiment.sampling.seed} {sample.name}".encode())
    height, width = sample.labels.shape
    camera = assumed_camera(width, height, sample.labels, label_set)
    depth_m = estimate_depth(sample.labels, camera, label_set)
    for condition in experiment.conditions:
        if condition in CORRUPTIONS:
            for severity in SEVERITIES:
                yield condition, severity, corrupt(sample.image, condition, severity, seed)
        else:
            for severity, weather in zip(SEVERITIES, WEATHERS[condition], strict=True):
                image = apply_weather(
                    weather, sample.image, depth_m, seed, camera=camera, labels=sample.labels, label_set=label_set
                )
                yield condition, severity, image
