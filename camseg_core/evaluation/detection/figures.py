"""From an evaluation to the content of its JSON file."""

import math
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from camseg_core.evaluation.detection.evaluation import Condition, DriftEvaluation, FrameSet
from camseg_core.evaluation.detection.metrics import (
    detection_metrics,
    median_relative_error,
    rank_correlation,
    rate_at,
)
from camseg_core.evaluation.detection.sequences import CLEAR, JudgedSequence, Segment, hours, median_delay
from camseg_core.evaluation.detection.simulation import SimulatedScores


def figures(evaluation: DriftEvaluation) -> dict[str, Any]:
    """Every figure as JSON can say it: fractions of 0 to 1, seconds, metres; null where there is none.

    ``conditions.NAME`` has ``auroc``, ``aupr``, ``fpr95``, ``tpr`` and ``fpr``, the last two at the frozen WARN
    threshold of the reference; ``methods`` below it the first three of every further score and baseline.
    """
    clear = evaluation.clear
    judged = clear.frames[0].result
    fpr = rate_at(clear.scores(), judged.warn_threshold)
    content = {
        "score": judged.method,
        "reference_id": judged.reference_id,
        "model": judged.model_id,
        "warn_threshold": judged.warn_threshold,
        "error_threshold": judged.error_threshold,
        "expected_run_length_s": judged.expected_run_length_s,
        "clear": _clear(clear, fpr),
        "conditions": {name: _condition(c, len(clear.frames), fpr) for name, c in evaluation.conditions.items()},
        "cause_confusion": {frames.name: dict(frames.causes().most_common()) for frames in evaluation.frame_sets()},
        "spearman_of_measured_visibility": _measured_correlation(evaluation),
        "simulated": {name: _simulated(scores) for name, scores in evaluation.simulated.items()},
        "drives": {drive.name: _drive(drive) for drive in evaluation.drives},
        "cost_ms": _cost(evaluation),
    }
    return _plain(content)


def _clear(clear: FrameSet, fpr: float) -> dict[str, Any]:
    threshold = clear.frames[0].result.warn_threshold
    by_run = {
        run: {
            "frames": len(frames),
            "fpr": rate_at(np.array([frame.result.score for frame in frames]), threshold),
        }
        for run, frames in clear.runs().items()
    }
    sequences = clear.sequences()
    content: dict[str, Any] = {"frames": len(clear.frames), "fpr": fpr, "runs": by_run}
    if sequences:
        found = [segment for sequence in sequences for segment in sequence.segments]
        total_hours = sum(map(hours, found))
        alarms = sum(segment.alarms for segment in found)
        content |= {
            "hours": total_hours,
            "false_alarms": alarms,
            "false_alarms_per_hour": alarms / total_hours if total_hours > 0 else math.nan,
            "alarm_share": sum(segment.alarm_frames for segment in found) / sum(segment.frames for segment in found),
            "sequences": {sequence.name: list(map(_segment, sequence.segments)) for sequence in sequences},
        }
    return content


def _condition(condition: Condition, clear_frames: int, fpr: float) -> dict[str, Any]:
    content: dict[str, Any] = {
        "frames": len(condition.frames.frames),
        "clear_frames": clear_frames,
        **asdict(condition.metrics),
        "tpr": condition.tpr,
        "fpr": fpr,
        "auroc_interval": condition.intervals.auroc,
        "fpr95_interval": condition.intervals.fpr95,
        "methods": {name: asdict(metrics) for name, metrics in condition.methods.items()},
    }
    if any(math.isfinite(frame.visibility_m) for frame in condition.frames.frames):
        content["measured_visibility"] = {
            "spearman": condition.severity_correlation,
            "visibility_error": condition.visibility_error,
            "visibility_share": condition.visibility_share,
        }
    sequences = condition.frames.sequences()
    if sequences:
        found = [segment for sequence in sequences for segment in sequence.segments]
        delay_frames, delay_s = median_delay(found)
        content |= {
            "sequences_found": sum(segment.found for segment in found),
            "delay_frames": delay_frames,
            "delay_s": delay_s,
            "sequences": {sequence.name: list(map(_segment, sequence.segments)) for sequence in sequences},
        }
    return content


def _segment(segment: Segment) -> dict[str, Any]:
    return {**asdict(segment), "found": segment.found}


def _simulated(found: SimulatedScores) -> dict[str, Any]:
    frames, severities = found.scores.shape
    badness = np.tile(found.badness, frames)
    content: dict[str, Any] = {
        "frames": frames,
        "severities": found.severities,
        "unit": found.weathers[0].unit,
        "spearman": rank_correlation(badness, found.scores.ravel()),
        "spearman_within_a_frame": float(np.median([rank_correlation(found.badness, row) for row in found.scores])),
        "score_median": np.median(found.scores, axis=0),
        "score_median_clear": float(np.median(found.clear)),
        "tpr": found.in_alarm.mean(axis=0),
        "causes": [dict(counts.most_common()) for counts in found.causes],
        "cause_totals": dict(sum(found.causes, Counter()).most_common()),
    }
    if found.has_visibility:
        truth_m = np.tile(found.severities, (frames, 1))
        content |= {
            "visibility_error": median_relative_error(truth_m.ravel(), found.visibility_m.ravel()),
            "visibility_error_by_severity": [
                median_relative_error(truth_m[:, column], found.visibility_m[:, column]) for column in range(severities)
            ],
            "visibility_spearman": found.visibility_correlation(),
            "visibility_share": float(np.isfinite(found.visibility_m).mean()),
            "visibility_within_2_std": _covered(truth_m, found.visibility_m, found.visibility_std_m),
        }
    return content


def _covered(truth_m: np.ndarray, estimate_m: np.ndarray, std_m: np.ndarray) -> float:
    """Share of the estimates no farther than two of their standard deviations from the truth; NaN without any."""
    known = np.isfinite(estimate_m) & np.isfinite(std_m)
    return float((np.abs(estimate_m - truth_m)[known] <= 2 * std_m[known]).mean()) if known.any() else math.nan


def _drive(drive: JudgedSequence) -> dict[str, Any]:
    adverse = [segment for segment in drive.segments if segment.weather != CLEAR]
    clear = [segment for segment in drive.segments if segment.weather == CLEAR]
    content: dict[str, Any] = {
        "frames": len(drive.results),
        "segments": list(map(_segment, drive.segments)),
        "adverse_segments": len(adverse),
        "adverse_segments_found": sum(segment.found for segment in adverse),
        "false_alarms": sum(segment.alarms for segment in clear),
    }
    if adverse and clear:
        content |= asdict(detection_metrics(drive.scores[~drive.adverse], drive.scores[drive.adverse]))
    return content


def _measured_correlation(evaluation: DriftEvaluation) -> float:
    """Spearman's, of score and 1 / measured visibility over all frames, each once; NaN without measured ones."""
    frames = {frame.digest: frame for frames in evaluation.frame_sets() for frame in frames.frames}
    measured = [frame for frame in frames.values() if math.isfinite(frame.visibility_m)]
    return rank_correlation(
        np.array([1.0 / frame.visibility_m for frame in measured]),
        np.array([frame.result.score for frame in measured]),
    )


def _cost(evaluation: DriftEvaluation) -> dict[str, float]:
    """Milliseconds a frame; ``detector`` is everything that drift adds to segmentation, between segmented frames."""
    frames = [frame for frames in evaluation.frame_sets() for frame in frames.frames]
    median, slow = (1e3 * float(value) for value in np.quantile([frame.detector_s for frame in frames], [0.5, 0.95]))
    segmentation = 1e3 * float(np.median([frame.measurement.segmentation_s for frame in frames]))
    return {
        "detector": median,
        "detector_p95": slow,
        "segmentation": segmentation,
        "detector_share_of_segmentation": median / segmentation,
    }


def _plain(value: Any) -> Any:
    """The same in what JSON can say: lists for arrays and tuples, None for numbers that are not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
