"""Fit a reference on clear drives."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, t

from camseg_core.drift.reference import DriftReference, is_rate
from camseg_core.drift.scores import (
    COMPONENTS,
    DEFAULT_SCORE,
    MAX_FIT_FRAMES,
    SCORES,
    WEATHER_DIRECTION,
    default_weather_shift,
    region_losses,
)
from camseg_core.drift.sequential import correlation_frames, normal_scores, run_lengths
from camseg_core.errors import DriftReferenceError

MIN_FRAMES = 20
"""Fewer clear frames cannot be told apart from one place and one light."""

MIN_DRIVE_FRAMES = 2

FOLDS = 5
WARN_QUANTILE = 0.99


def fit_reference(
    drives: Sequence[np.ndarray],
    model_id: str,
    embedding_hash: str = "",
    *,
    score: str = DEFAULT_SCORE,
    rate_hz: float = 10.0,
    weather_shift: np.ndarray | None = None,
    max_frames: int = MAX_FIT_FRAMES,
) -> DriftReference:
    """A reference whose thresholds come from frames left out of the fit.

    What is left out is a whole drive at a time where there are several, else a fifth of the only one: never single
    frames, whose neighbours are alike. WARN begins at the 99 % quantile of the held-out scores, ERROR as far again
    beyond it as it lies beyond their median. Few independent frames know neither mean nor deviation of clear driving
    well, so WARN is set as the bound of a prediction interval for that many is (``_widenings``): otherwise the clear
    frames of another day pass a threshold meant for 1 % of them several times as often. The scores that the test over
    time ranks by are spread for the mean alone: with that, its false alarms are as rare as stated.

    Args:
        drives: (frames, D) embeddings of each clear drive of one camera, in the order of time.
        model_id: the model that gave the embeddings.
        embedding_hash: of what makes the embeddings; see ``DriftReference``.
        score: name of the score in ``scores.SCORES``.
        rate_hz: of the frames, finite and above 0.
        weather_shift: (D,) what weather adds to an embedding; None takes an even loss of contrast.
        max_frames: fit on at most this many frames, evenly spread; all serve for the held-out scores.

    Raises:
        DriftReferenceError: unknown score or no rate, too few frames, all the same, or embeddings that are not finite.
    """
    if score not in SCORES:
        raise DriftReferenceError(f"score {score!r} is unknown; expected one of {', '.join(SCORES)}")
    if not is_rate(rate_hz):
        raise DriftReferenceError(f"rate_hz = {rate_hz}; expected a finite number above 0")
    drives = [np.asarray(drive, dtype=np.float64) for drive in drives]
    _check(drives)
    embeddings = np.concatenate(drives)
    shift = default_weather_shift(embeddings.shape[1]) if weather_shift is None else weather_shift
    names = list(dict.fromkeys([*SCORES[score], WEATHER_DIRECTION]))

    held_out = np.empty((len(embeddings), len(names)))
    region_held_out = np.empty((len(embeddings), 0))
    for fold in _folds(drives):
        others = _spread(embeddings[~fold], max_frames)
        fitted = {name: COMPONENTS[name].fit(others, shift) for name in names}
        for column, name in enumerate(names):
            held_out[fold, column] = COMPONENTS[name].evaluate(fitted[name], embeddings[fold])
        losses = region_losses(fitted[WEATHER_DIRECTION], embeddings[fold])
        region_held_out = np.resize(region_held_out, (len(embeddings), losses.shape[1]))
        region_held_out[fold] = losses

    weights = np.array([SCORES[score].get(name, 0.0) for name in names])
    means, stds = held_out.mean(axis=0), held_out.std(axis=0)
    totals = ((held_out - means) / stds) @ weights
    by_drive = np.split(totals, np.cumsum([len(drive) for drive in drives])[:-1])
    effective_frames = len(totals) / correlation_frames(by_drive)
    median = np.median(totals)
    of_mean, of_both = _widenings(effective_frames)
    scores = np.sort(np.logaddexp(0.0, median + of_mean * (totals - median)))
    middle = float(np.median(scores))
    warn = float(np.logaddexp(0.0, median + of_both * (np.quantile(totals, WARN_QUANTILE) - median)))

    normal = np.split(normal_scores(totals), np.cumsum([len(drive) for drive in drives])[:-1])
    lengths = run_lengths(normal)
    final = {name: COMPONENTS[name].fit(_spread(embeddings, max_frames), shift) for name in names}
    used = weights != 0.0
    return DriftReference(
        model_id=model_id,
        embedding_hash=embedding_hash,
        method=score,
        rate_hz=float(rate_hz),
        frames=len(embeddings),
        drives=len(drives),
        effective_frames=float(effective_frames),
        warn_threshold=warn,
        error_threshold=2 * warn - middle,
        embedding_mean=embeddings.mean(axis=0),
        embedding_std=embeddings.std(axis=0),
        weather_shift=np.asarray(shift, dtype=np.float64),
        parameters={f"{name}.{key}": array.astype(np.float32) for name in names for key, array in final[name].items()},
        component_mean=means[used],
        component_std=stds[used],
        region_mean=region_held_out.mean(axis=0),
        region_std=region_held_out.std(axis=0) + 1e-9,
        held_out_scores=scores,
        run_length_thresholds=lengths.thresholds,
        run_length_log_frames=lengths.log_frames,
    )


def _check(drives: Sequence[np.ndarray]) -> None:
    for number, drive in enumerate(drives, 1):
        if len(drive) < MIN_DRIVE_FRAMES:
            raise DriftReferenceError(
                f"clear drive {number} of {len(drives)} has {len(drive)} frames; expected {MIN_DRIVE_FRAMES} or more"
            )
        if not np.isfinite(drive).all():
            bad = int(np.flatnonzero(~np.isfinite(drive).all(axis=1))[0])
            raise DriftReferenceError(f"embedding of frame {bad} of clear drive {number} is not finite")
    count = sum(map(len, drives))
    if count < MIN_FRAMES:
        raise DriftReferenceError(f"{count} clear frames; expected {MIN_FRAMES} or more")
    if all(np.ptp(drive, axis=0).max() < 1e-9 for drive in drives):
        raise DriftReferenceError(f"all {count} clear frames are the same; expected a drive")


def _folds(drives: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Masks over all frames: each drive, or FOLDS stretches of the only one."""
    lengths = [len(drive) for drive in drives]
    owner = np.repeat(np.arange(len(drives)), lengths)
    if len(drives) == 1:
        owner = np.arange(lengths[0]) * FOLDS // lengths[0]
    elif len(drives) > 2 * FOLDS:
        owner = owner * 2 * FOLDS // len(drives)
    return [owner == number for number in np.unique(owner)]


def _spread(embeddings: np.ndarray, count: int) -> np.ndarray:
    if len(embeddings) <= count:
        return embeddings
    return embeddings[np.linspace(0, len(embeddings) - 1, count).round().astype(int)]


def _widenings(effective_frames: float) -> tuple[float, float]:
    """How much farther a new frame lies from the middle where that few tell the mean, and mean and deviation; above 1.

    The former is √(1 + 1/n), the deviation of a new frame from the mean of n. The latter is, at the WARN_QUANTILE, the
    bound of a prediction interval over the normal quantile, with Student's t of n − 1 degrees of freedom (Hahn and
    Meeker, 1991).
    """
    of_mean = np.sqrt(1.0 + 1.0 / effective_frames)
    quantile = t.ppf(WARN_QUANTILE, max(effective_frames - 1.0, 1.0)) / norm.ppf(WARN_QUANTILE)
    return float(of_mean), float(of_mean * quantile)
