"""Fit a reference on clear drives."""

from collections.abc import Sequence

import numpy as np
from sklearn.covariance import ledoit_wolf

from camseg_core.drift.reference import DriftReference
from camseg_core.errors import DriftReferenceError

MIN_FRAMES = 40
"""Fewer clear frames cannot be told apart from one place and one light."""

FOLDS = 5
WARN_QUANTILE = 0.99


def fit_reference(drives: Sequence[np.ndarray], model_id: str) -> DriftReference:
    """Gaussian with Ledoit–Wolf shrinkage, thresholds from frames left out of the fit.

    Neighbouring frames are alike, so what is left out is a stretch of frames, never single ones. WARN begins at the
    99 % quantile of the held-out scores, ERROR as far again beyond it as it lies beyond their median.

    Args:
        drives: (frames, D) embeddings of each clear drive, in the order of time.
        model_id: the model that gave the embeddings.

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
    held_out = []
    for fold in np.array_split(np.arange(len(embeddings)), FOLDS):
        mean, whitening = _gaussian(np.delete(embeddings, fold, axis=0))
        distances = np.linalg.norm((embeddings[fold] - mean) @ whitening.T, axis=1)
        held_out.append(distances / np.sqrt(embeddings.shape[1]))
    scores = np.sort(np.concatenate(held_out))
    warn, median = np.quantile(scores, WARN_QUANTILE), np.median(scores)
    mean, whitening = _gaussian(embeddings)
    return DriftReference(model_id, mean, whitening, scores, float(warn), float(2 * warn - median))


def _gaussian(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and whitening matrix; the inverse square root of the shrunk covariance."""
    # Standardising first lets the shrinkage target, a multiple of the identity, suit channels of unlike scale.
    scale = embeddings.std(axis=0)
    scale[scale < 1e-9] = 1.0
    mean = embeddings.mean(axis=0)
    covariance, _ = ledoit_wolf((embeddings - mean) / scale, assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    return mean, (vectors / np.sqrt(np.maximum(values, 1e-9))) @ vectors.T / scale
