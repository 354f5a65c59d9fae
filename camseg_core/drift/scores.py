"""Scores of an embedding against clear driving, by name.

All look at structure alone, the logarithmic parts of the embedding: the means follow every change of light, and a score
that follows them is no weather score. A component takes (N, D) embeddings to (N,) numbers, larger is stranger; what a
component's number means is settled by the clear frames held out of its fit, so components of any scale can be added.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS

Parameters = Mapping[str, np.ndarray]

MAX_FIT_FRAMES = 1500
"""Of more clear frames, evenly spread ones are fitted: neighbours repeat each other, and the fit stays short."""

_VARIANCE_FLOOR = 0.05
"""Added to the clear variance of each logarithm: what a short reference has not seen vary may vary by this much."""

_NEIGHBOURS = 5
_EXPLAINED_VARIANCE = 0.95


@dataclass(frozen=True)
class Component:
    """One way of scoring.

    Attributes:
        fit: from (frames, D) clear embeddings and the (D,) shift that weather gives to an embedding, to the arrays that
            ``evaluate`` needs.
        evaluate: from those arrays and (N, D) embeddings to (N,) numbers.
    """

    fit: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
    evaluate: Callable[[Parameters, np.ndarray], np.ndarray]


def structure(embeddings: np.ndarray) -> np.ndarray:
    """The logarithmic parts of (…, D) embeddings, which light does not enter: all but the first part, the means."""
    return embeddings[..., embeddings.shape[-1] // len(PARTS) :]


def default_weather_shift(dimensions: int) -> np.ndarray:
    """(D,): every contrast smaller by the same factor, where no simulated weather tells where it is lost first."""
    return np.where(np.arange(dimensions) < dimensions // len(PARTS), 0.0, -1.0)


def region_losses(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    """The share of each region in the weather direction, (N, ROWS · COLUMNS), from that component's arrays."""
    terms = (structure(embeddings) - parameters["mean"]) * parameters["weights"]
    return terms.reshape(len(terms), len(PARTS) - 1, ROWS * COLUMNS, -1).sum(axis=(1, 3))


def _fit_weather_direction(embeddings: np.ndarray, weather_shift: np.ndarray) -> dict[str, np.ndarray]:
    """Matched filter for the shift, with independent noise: whitening by few drives cancels what only they share."""
    clear, shift = structure(embeddings), structure(weather_shift)
    weights = shift / (clear.var(axis=0) + _VARIANCE_FLOOR)
    return {"mean": clear.mean(axis=0), "weights": weights / np.sqrt(weights @ shift)}


def _weather_direction(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    return (structure(embeddings) - parameters["mean"]) @ parameters["weights"]


def _fit_mahalanobis(embeddings: np.ndarray, weather_shift: np.ndarray) -> dict[str, np.ndarray]:
    standardized = _fit_scale(embeddings)
    covariance, _ = ledoit_wolf(_standardize(standardized, embeddings), assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    return standardized | {"whitening": vectors / np.sqrt(np.maximum(values, 1e-9))}


def _mahalanobis(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    """Logarithm of the Mahalanobis distance over √D, with Ledoit and Wolf's covariance (2004)."""
    whitening = parameters["whitening"]
    return _log_norm(_product(_standardize(parameters, embeddings).astype(whitening.dtype), whitening))


def _fit_nearest_neighbours(embeddings: np.ndarray, weather_shift: np.ndarray) -> dict[str, np.ndarray]:
    standardized = _fit_scale(embeddings)
    return standardized | {"clear": _standardize(standardized, embeddings)}


def _nearest_neighbours(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    """Logarithm of the distance to the fifth nearest clear frame, over √D (Sun et al., 2022)."""
    clear, queries = parameters["clear"], _standardize(parameters, embeddings)
    squares = (queries**2).sum(axis=1)[:, None] - 2 * queries @ clear.T + (clear**2).sum(axis=1)
    nearest = np.partition(squares, min(_NEIGHBOURS, len(clear)) - 1, axis=1)[:, min(_NEIGHBOURS, len(clear)) - 1]
    return 0.5 * np.log(np.maximum(nearest / clear.shape[1], 1e-12))


def _fit_pca_residual(embeddings: np.ndarray, weather_shift: np.ndarray) -> dict[str, np.ndarray]:
    standardized = _fit_scale(embeddings)
    analysis = PCA(n_components=_EXPLAINED_VARIANCE, svd_solver="full").fit(_standardize(standardized, embeddings))
    return standardized | {"components": analysis.components_}


def _pca_residual(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    """Logarithm of the distance to the principal subspace with 95 % of the clear variance, over √D."""
    standardized = _standardize(parameters, embeddings)
    return _log_norm(standardized - standardized @ parameters["components"].T @ parameters["components"])


def _fit_scale(embeddings: np.ndarray) -> dict[str, np.ndarray]:
    clear = structure(embeddings)
    return {"mean": clear.mean(axis=0), "scale": np.sqrt(clear.var(axis=0) + _VARIANCE_FLOOR**2)}


def _standardize(parameters: Parameters, embeddings: np.ndarray) -> np.ndarray:
    return (structure(embeddings) - parameters["mean"]) / parameters["scale"]


def _product(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``rows @ matrix``, of a single row by a single thread.

    That is how a running camera's frames come. The product takes a fraction of a millisecond then; to wake a thread on
    each of many cores can take longer.
    """
    return np.einsum("nd,de->ne", rows, matrix) if len(rows) == 1 else rows @ matrix


def _log_norm(vectors: np.ndarray) -> np.ndarray:
    return 0.5 * np.log(np.maximum((vectors**2).mean(axis=1), 1e-12))


WEATHER_DIRECTION = "weather_direction"

COMPONENTS: dict[str, Component] = {
    WEATHER_DIRECTION: Component(_fit_weather_direction, _weather_direction),
    "mahalanobis": Component(_fit_mahalanobis, _mahalanobis),
    "nearest_neighbours": Component(_fit_nearest_neighbours, _nearest_neighbours),
    "pca_residual": Component(_fit_pca_residual, _pca_residual),
}
"""What scores are made of."""

SCORES: dict[str, dict[str, float]] = {
    "weather": {WEATHER_DIRECTION: 1.0, "mahalanobis": 0.25},
    "weather_direction": {WEATHER_DIRECTION: 1.0},
    "mahalanobis": {"mahalanobis": 1.0},
    "nearest_neighbours": {"nearest_neighbours": 1.0},
    "pca_residual": {"pca_residual": 1.0},
}
"""The weight of each component in a score, each in standard deviations of clear frames held out of its fit.

``weather`` looks along the direction of weather first, which stays true where clear frames are few, and a little at any
other strangeness: a Mahalanobis distance that does not carry over from one clear drive to the next has a large standard
deviation there, and so says little.
"""

DEFAULT_SCORE = "weather"
