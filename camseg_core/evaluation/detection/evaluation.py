"""A drift reference judged on clear frames and on named conditions: from runs of frames to every figure."""

import math
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from camseg_core.data.sources.source_frame import FrameSource
from camseg_core.drift.embedding import embed
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.detection.baselines import DIRECTIONS
from camseg_core.evaluation.detection.frame_runs import FrameRun
from camseg_core.evaluation.detection.metrics import (
    DetectionMetrics,
    Intervals,
    bootstrap_intervals,
    detection_metrics,
    median_relative_error,
    rank_correlation,
    rate_at,
)
from camseg_core.evaluation.detection.scoring import FrameScorer, Measurement, ScoredFrame, most_probable_cause
from camseg_core.evaluation.detection.sequences import CLEAR, JudgedSequence
from camseg_core.evaluation.detection.simulation import SIMULATED_FRAMES, SimulatedScores, simulate, spread_frames
from camseg_core.runtime.prediction import image_latent


@dataclass(frozen=True)
class FrameSet:
    """The frames of one condition, as they were given and as they were judged.

    Attributes:
        name: ``clear``, or the name of the condition.
        frames: judged, the runs one after another.
    """

    name: str
    frames: tuple[ScoredFrame, ...]

    def scores(self) -> np.ndarray:
        """(frames,) scores of the detector."""
        return np.array([frame.result.score for frame in self.frames])

    def visibility_m(self) -> np.ndarray:
        """(frames,) measured visibilities, metres; NaN where none was."""
        return np.array([frame.visibility_m for frame in self.frames])

    def run_numbers(self) -> np.ndarray:
        """(frames,) ascending number of the run of each."""
        numbers = {run: number for number, run in enumerate(dict.fromkeys(frame.run for frame in self.frames))}
        return np.array([numbers[frame.run] for frame in self.frames])

    def runs(self) -> dict[str, list[ScoredFrame]]:
        """The frames of each run by its name."""
        found: dict[str, list[ScoredFrame]] = {}
        for frame in self.frames:
            found.setdefault(frame.run, []).append(frame)
        return found

    def sequences(self) -> list[JudgedSequence]:
        """The runs whose frames follow each other in time."""
        found = []
        for run, frames in self.runs().items():
            stamps_ns = [frame.stamp_ns for frame in frames if frame.stamp_ns is not None]
            if stamps_ns:
                results = tuple(frame.result for frame in frames)
                found.append(JudgedSequence(run, tuple(stamps_ns), results, (self.name,) * len(frames)))
        return found

    def causes(self) -> Counter[str]:
        """How many frames each cause is the most probable one of; ``unknown`` where none was estimated."""
        return Counter(most_probable_cause(frame.result) for frame in self.frames)

    def columns(self) -> dict[str, np.ndarray]:
        """Every other score by its name, (frames,), turned so that larger is more adverse."""
        first = self.frames[0]
        compared = {name: np.array([frame.compared[name] for frame in self.frames]) for name in first.compared}
        baselines = {
            name: DIRECTIONS[name] * np.array([frame.measurement.statistics[name] for frame in self.frames])
            for name in first.measurement.statistics
        }
        return compared | baselines


@dataclass(frozen=True)
class Condition:
    """What was found for one named condition; rates and shares are fractions, 0 to 1.

    Attributes:
        frames: the condition's.
        metrics: of the detector's score.
        intervals: 95 %, of the same.
        tpr: share of its frames at or above the frozen WARN threshold.
        methods: metrics of each further score and baseline by name.
        severity_correlation: Spearman's, of score and measured badness of visibility (1 / metres); NaN without.
        visibility_error: median relative error of the estimated visibility; NaN without measured or estimated ones.
        visibility_share: share of the frames with measured visibility for which one was estimated; NaN without.
    """

    frames: FrameSet
    metrics: DetectionMetrics
    intervals: Intervals
    tpr: float
    methods: dict[str, DetectionMetrics]
    severity_correlation: float
    visibility_error: float
    visibility_share: float


@dataclass(frozen=True)
class DriftEvaluation:
    """Everything that one call of ``camseg drift eval`` measured.

    Attributes:
        clear: the clear frames.
        conditions: by name.
        simulated: by the weather's name.
        drives: with known weather.
    """

    clear: FrameSet
    conditions: dict[str, Condition] = field(default_factory=dict)
    simulated: dict[str, SimulatedScores] = field(default_factory=dict)
    drives: tuple[JudgedSequence, ...] = ()

    def frame_sets(self) -> list[FrameSet]:
        """The clear frames and those of every condition."""
        return [self.clear, *(condition.frames for condition in self.conditions.values())]


def evaluate_detection(
    scorer: FrameScorer,
    clear: Sequence[FrameRun],
    adverse: Mapping[str, Sequence[FrameRun]],
    *,
    simulated: Sequence[str] = (),
    simulated_frames: int = SIMULATED_FRAMES,
    drives: Mapping[str, FrameSource] | None = None,
    seed: int = 0,
) -> DriftEvaluation:
    """Judges every frame and computes every figure; shows progress.

    Args:
        scorer: what judges.
        clear: clear frames that the reference was not fitted on.
        adverse: frames of each named condition.
        simulated: kinds of weather to put into clear frames.
        simulated_frames: how many of them, spread evenly.
        drives: with known weather, by name.
        seed: of simulated drops and of the bootstrap.

    Raises:
        ConfigurationError: the same image is among the clear frames and among a condition's.
        DatasetError: an image or a bag cannot be read.
    """
    for name, runs in adverse.items():
        _check_apart(name, _names(clear), _names(runs))
    known: dict[str, Measurement] = {}
    clear_set = _judge_set(scorer, CLEAR, clear, known)
    conditions = {}
    for name, runs in adverse.items():
        frames = _judge_set(scorer, name, runs, known)
        _check_apart(name, *({frame.digest: frame.name for frame in each.frames} for each in (clear_set, frames)))
        conditions[name] = _compare(clear_set, frames, seed)
    return DriftEvaluation(
        clear=clear_set,
        conditions=conditions,
        simulated={name: simulate(scorer, name, spread_frames(clear, simulated_frames), seed) for name in simulated},
        drives=tuple(_judge_drive(scorer, name, source) for name, source in (drives or {}).items()),
    )


def _judge_set(
    scorer: FrameScorer, name: str, runs: Sequence[FrameRun], known: MutableMapping[str, Measurement]
) -> FrameSet:
    named = zip(runs, _unique_names(runs), strict=True)
    with tqdm(total=sum(len(run) for run in runs), desc=name, unit="frame") as bar:
        return FrameSet(name, tuple(frame for run, own in named for frame in scorer.score_run(run, own, known, bar)))


def _unique_names(runs: Sequence[FrameRun]) -> list[str]:
    """The names of the runs, numbered from the second on where several have the same, as two lists over one folder."""
    given = [run.name for run in runs]
    names: list[str] = []
    for name in given:
        own, number = name, 1
        while own in names or (number > 1 and own in given):
            number += 1
            own = f"{name}, run {number}"
        names.append(own)
    return names


def _names(runs: Sequence[FrameRun]) -> dict[str, str]:
    return {name: name for run in runs for name in run.names()}


def _check_apart(condition: str, clear: Mapping[str, str], adverse: Mapping[str, str]) -> None:
    """Raises ConfigurationError if a frame is both; each maps what tells frames apart to a frame's name."""
    for key, name in adverse.items():
        if key in clear:
            raise ConfigurationError(
                f"{name} of {condition!r} is the same image as {clear[key]}, which is given as clear; expected frames "
                "that are one or the other"
            )


def _compare(clear: FrameSet, adverse: FrameSet, seed: int) -> Condition:
    scores = adverse.scores()
    clear_columns, adverse_columns = clear.columns(), adverse.columns()
    truth_m = adverse.visibility_m()
    estimate_m = np.array([frame.result.visibility_m for frame in adverse.frames])
    measured = np.isfinite(truth_m)
    return Condition(
        frames=adverse,
        metrics=detection_metrics(clear.scores(), scores),
        intervals=bootstrap_intervals(clear.scores(), scores, clear.run_numbers(), adverse.run_numbers(), seed),
        tpr=rate_at(scores, adverse.frames[0].result.warn_threshold),
        methods={name: detection_metrics(clear_columns[name], column) for name, column in adverse_columns.items()},
        severity_correlation=rank_correlation(1.0 / truth_m[measured], scores[measured]),
        visibility_error=median_relative_error(truth_m, estimate_m),
        visibility_share=float(np.isfinite(estimate_m[measured]).mean()) if measured.any() else math.nan,
    )


def _judge_drive(scorer: FrameScorer, name: str, source: FrameSource) -> JudgedSequence:
    detector = scorer.new_detector()
    results, stamps_ns, weather = [], [], []
    for frame in tqdm(source, desc=name, unit="frame"):
        results.append(detector.update(embed(image_latent(scorer.model, frame.image)), frame.stamp_ns))
        stamps_ns.append(frame.stamp_ns)
        weather.append(frame.weather.kind if frame.weather is not None else CLEAR)
    return JudgedSequence(name, tuple(stamps_ns), tuple(results), tuple(weather))
