"""Fit a reference on clear drives."""

from collections.abc import Sequence

import numpy as np

from camseg_core.drift.reference import DriftReference
from camseg_core.drift.scores import DEFAULT_SCORE, SCORES
from camseg_core.errors import DriftReferenceError

MIN_FRAMES = 40
"""Fewer clear frames cannot be told apart from one place and one light."""

FOLDS = 5
WARN_QUANTILE = 0.99


def fit_reference(
    drives: Sequence[np.ndarray], model_id: str, weights_hash: str = "", score: str = DEFAULT_SCORE
) -> DriftReference:
    """A reference whose thresholds come from frames left out of the fit.

    Neighbouring frames are alike, so what is left out is a stretch of frames, never single ones. WARN begins at the
    99 % quantile of the held-out scores, ERROR as far again beyond it as it lies beyond their median.

    Args:
        drives: (frames, D) embeddings of each clear drive, in the order of time.
        model_id: the model that gave the embeddings.
        weights_hash: of that model's weights.
        score: name of the score in ``scores.SCORES``.

    Raises:
        DriftReferenceError: too few frames, frames that are all the same, or embeddings that are not finite.
    """
    embeddings = np.concatenate([np.asarray(drive, dtype=np.float64) for drive in drives])
    if len(embeddings) < MIN_FRAMES:
        raise DriftReferenceError(f"{len(embeddings)} clear frames; expected {MIN_FRAMES} or more")
    if not np.isfinite(embeddings).all():
        bad = int(np.flatnonzero(~np.isfinite(embeddings).all(axis=1))[0])
        raise DriftReferenceError(f"embedding of clear frame {bad} is not finite; expected numbers")
    if np.ptp(embeddings, axis=0).max() < 1e-9:
        raise DriftReferenceError(f"all {len(embeddings)} clear frames are the same; expected a drive")
    method = SCORES[score]
    held_out = []
    for fold in np.array_split(np.arange(len(embeddings)), FOLDS):
        parameters = method.fit([np.delete(embeddings, fold, axis=0)])
        held_out.append(method.evaluate(parameters, embeddings[fold]))
    scores = np.sort(np.concatenate(held_out))
    warn, median = float(np.quantile(scores, WARN_QUANTILE)), float(np.median(scores))
    return DriftReference(
        model_id=model_id,
        weights_hash=weights_hash,
        method=score,
        parameters=method.fit(drives),
        embedding_mean=embeddings.mean(axis=0),
        embedding_std=embeddings.std(axis=0),
        held_out_scores=scores,
        warn_threshold=warn,
        error_threshold=2 * warn - median,
    )
