"""Weather of known severity put into clear frames, to see whether score and visibility follow it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from tqdm import tqdm

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.detection.frame_runs import EvaluationFrame, FrameRun
from camseg_core.evaluation.detection.metrics import rank_correlation
from camseg_core.evaluation.detection.scoring import FrameScorer, most_probable_cause
from camseg_core.frames import DriftResult
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict
from camseg_core.weather import Weather, WeatherKind, apply_weather, estimate_depth, severity_levels

FOG_VISIBILITIES_M = (1000.0, 750.0, 500.0, 300.0, 200.0, 150.0, 100.0, 50.0)
"""Fog begins at 1000 m (WMO); below 50 m it is dense (ASAM OSI)."""

SIMULATED_FRAMES = 24
"""So many clear frames get weather by default; each is encoded once for every severity."""

SIMULATED_KINDS = tuple(kind for kind in get_args(WeatherKind) if kind != "clear")
"""What can be put into clear frames."""

_SMALLER_IS_WORSE = frozenset({"fog", "night"})


@dataclass(frozen=True)
class SimulatedScores:
    """What was found in clear frames with weather put in.

    Attributes:
        weathers: which severities, from slight to severe, all of one kind.
        clear: (N,) scores of the frames as they are.
        scores: (N, severities) scores.
        visibility_m: (N, severities) estimates, metres; NaN where nothing was estimated.
        visibility_std_m: (N, severities), of the estimates.
        in_alarm: (N, severities) bool: the score reaches the WARN threshold.
        causes: how many frames of each severity have each cause as the most probable one.
    """

    weathers: tuple[Weather, ...]
    clear: np.ndarray
    scores: np.ndarray
    visibility_m: np.ndarray
    visibility_std_m: np.ndarray
    in_alarm: np.ndarray
    causes: tuple[Counter[str], ...]

    @property
    def severities(self) -> np.ndarray:
        """(severities,) in the weather's unit."""
        return np.array([weather.severity for weather in self.weathers])

    @property
    def badness(self) -> np.ndarray:
        """(severities,) that grow with the weather: 1 / severity for fog and night, else the severity."""
        return 1.0 / self.severities if self.smaller_is_worse else self.severities

    @property
    def smaller_is_worse(self) -> bool:
        """Whether a smaller severity is worse weather."""
        return self.weathers[0].kind in _SMALLER_IS_WORSE

    @property
    def has_visibility(self) -> bool:
        """Whether severities are visibilities and any was estimated."""
        return self.weathers[0].kind == "fog" and bool(np.isfinite(self.visibility_m).any())

    def visibility_correlation(self) -> float:
        """Spearman's, of true visibility and its estimates where there are any, over all frames and severities."""
        truth_m = np.tile(self.severities, (len(self.scores), 1))
        estimated = np.isfinite(self.visibility_m)
        return rank_correlation(truth_m[estimated], self.visibility_m[estimated])


def simulated_weathers(kind: str) -> tuple[Weather, ...]:
    """The severities of a kind that are tried; raises ConfigurationError for an unknown kind."""
    for known in SIMULATED_KINDS:
        if kind == known:
            return tuple(map(Weather.fog, FOG_VISIBILITIES_M)) if known == "fog" else severity_levels(known)
    raise ConfigurationError(f"simulated weather {kind!r} is unknown; expected one of {', '.join(SIMULATED_KINDS)}")


def simulate(scorer: FrameScorer, kind: str, frames: Sequence[EvaluationFrame], seed: int = 0) -> SimulatedScores:
    """Scores frames with every severity of a weather put into them.

    Depth is estimated from the labels that the model itself gives the clear frame (``weather.estimate_depth``), so any
    camera's frames will do; it is a plausible street rather than the true one. Every image is judged by itself, by a
    detector in its first state.

    Args:
        scorer: what judges.
        kind: one of ``SIMULATED_KINDS``.
        frames: clear ones.
        seed: of drops, flakes and dirt; frame n takes seed + n.
    """
    weathers = simulated_weathers(kind)
    clear: list[DriftResult] = []
    adverse: list[list[DriftResult]] = []
    with tqdm(total=len(frames) * (len(weathers) + 1), desc=f"simulated {kind}", unit="frame") as bar:
        for number, frame in enumerate(frames):
            labels = predict(scorer.model, frame.image, SamplingSettings()).labels
            depth_m = estimate_depth(labels, label_set=scorer.model.label_set)
            clear.append(scorer.judge(frame.image))
            bar.update()
            adverse.append([])
            for weather in weathers:
                image = apply_weather(
                    weather, frame.image, depth_m, seed + number, labels=labels, label_set=scorer.model.label_set
                )
                adverse[-1].append(scorer.judge(image))
                bar.update()
    return SimulatedScores(
        weathers=weathers,
        clear=np.array([result.score for result in clear]),
        scores=np.array([[result.score for result in row] for row in adverse]),
        visibility_m=np.array([[result.visibility_m for result in row] for row in adverse]),
        visibility_std_m=np.array([[result.visibility_std_m for result in row] for row in adverse]),
        in_alarm=np.array([[result.score >= result.warn_threshold for result in row] for row in adverse]),
        causes=tuple(Counter(map(most_probable_cause, column)) for column in zip(*adverse, strict=True)),
    )


def spread_frames(runs: Sequence[FrameRun], count: int) -> list[EvaluationFrame]:
    """At most ``count`` frames of the runs, evenly spread over all of them in their order."""
    total = sum(len(run) for run in runs)
    wanted = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int))
    chosen: list[EvaluationFrame] = []
    first = 0
    for run in runs:
        inside = wanted[(wanted >= first) & (wanted < first + len(run))] - first
        chosen += run.select(inside.tolist())
        first += len(run)
    return chosen
