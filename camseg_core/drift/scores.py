"""Scores of an embedding against clear driving, by name.

Every score is 0 or more, larger is stranger, and takes (N, D) embeddings to (N,) scores.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf

Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ScoreMethod:
    """One way of scoring.

    Attributes:
        fit: from the (frames, D) embeddings of each clear drive to the arrays that ``evaluate`` needs.
        evaluate: from those arrays and (N, D) embeddings to (N,) scores.
    """

    fit: Callable[[Sequence[np.ndarray]], dict[str, np.ndarray]]
    evaluate: Callable[[Parameters, np.ndarray], np.ndarray]


def _fit_mahalanobis(drives: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    embeddings = np.concatenate(list(drives))
    # Standardising first lets the shrinkage target, a multiple of the identity, suit parts of unlike scale.
    scale = embeddings.std(axis=0)
    scale[scale < 1e-9] = 1.0
    mean = embeddings.mean(axis=0)
    covariance, _ = ledoit_wolf((embeddings - mean) / scale, assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    return {"mean": mean, "whitening": (vectors / np.sqrt(np.maximum(values, 1e-9))) @ vectors.T / scale}


def _mahalanobis(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    """Mahalanobis distance over √D, with Ledoit and Wolf's covariance (2004): about 1 is ordinary."""
    whitened = (embeddings - parameters["mean"]) @ parameters["whitening"].T
    return np.linalg.norm(whitened, axis=-1) / np.sqrt(embeddings.shape[-1])


SCORES: dict[str, ScoreMethod] = {"mahalanobis": ScoreMethod(_fit_mahalanobis, _mahalanobis)}
"""Every score that a reference can be fitted with."""

DEFAULT_SCORE = "mahalanobis"
