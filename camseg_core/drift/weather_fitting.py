"""Fit what tells causes and visibilities, offline, on frames of simulated weather."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr
from sklearn.covariance import ledoit_wolf
from sklearn.svm import SVR

from camseg_core.drift.cause import UNKNOWN, CauseModel, GaussianClasses
from camseg_core.drift.visibility import VisibilityModel
from camseg_core.drift.weather_estimators import WeatherEstimators, clear_contrast
from camseg_core.drift.weather_features import COLOR_FEATURES, LightReadout, cause_features, visibility_features
from camseg_core.errors import ConfigurationError
from camseg_core.weather import Weather

CAUSES = ("clear", "fog", "rain", "snow", "night", "lens_blockage")

FOLDS = 5
"""Fewer sequences than this cannot tell what differs between cameras."""

THIN_FOG_M = 700.0
"""Thinner fog is left out of the causes: a frame of it hardly differs from rain."""

_SHARED, _COLOR_SHARED = 0.3, 0.5
"""Share of the mean covariance of all classes in that of each, as one class alone has few cameras."""

_PENALTY, _INSENSITIVE, _KERNEL_SLOPE = 10.0, 0.1, 0.05
"""Of the support vector regression: a wide kernel, nearly linear, which carries over to other cameras best."""

_REAL_CAMERAS = 2.5
"""Squared distances of real cameras are allowed this much more than those of simulated ones, which differ less."""

_QUANTILES = 200
_ERROR_BINS = 5


@dataclass(frozen=True)
class EmbeddedFrame:
    """A frame of simulated weather as the fit needs it.

    Attributes:
        camera: which camera it is from.
        sequence: what the camera looks at; cameras that are crops of the same pictures share it.
        weather: what was put into it.
        embedding: (D,).
        color: (3,) mean sRGB colour of its pixels, 0 to 1.
    """

    camera: str
    sequence: str
    weather: Weather
    embedding: np.ndarray
    color: np.ndarray


@dataclass(frozen=True)
class Fold:
    """Frames left out of a fit, and what that fit sees of all frames.

    Attributes:
        out: (n,) bool, whether a frame is left out.
        features: (n, F) of all frames, by a readout of light that was fitted without those left out.
    """

    out: np.ndarray
    features: np.ndarray


@dataclass(frozen=True)
class FitReport:
    """What models that had not seen a frame's sequence say of it.

    Attributes:
        names: of the causes, with ``unknown``.
        confusion: (K, K + 1): share of frames of each cause (row) that each name (column) is most probable for.
        visibility_m, estimate_m: (n,) true and estimated visibilities of the foggy frames.
    """

    names: tuple[str, ...]
    confusion: np.ndarray
    visibility_m: np.ndarray
    estimate_m: np.ndarray

    def rank_correlation(self) -> float:
        """Spearman's, of estimated and true visibility from 50 to 1000 m."""
        return float(spearmanr(self.visibility_m[self._aimed], self.estimate_m[self._aimed]).statistic)

    def median_relative_error(self) -> float:
        """Of the estimate, from 50 to 1000 m of true visibility."""
        return float(np.median(np.abs(self.estimate_m / self.visibility_m - 1)[self._aimed]))

    @property
    def _aimed(self) -> np.ndarray:
        return (self.visibility_m >= 50.0) & (self.visibility_m <= 1000.0)


def fit_weather_estimators(
    frames: Iterable[EmbeddedFrame], model_id: str, embedding_hash: str = ""
) -> tuple[WeatherEstimators, FitReport]:
    """The estimators for a model, and how they do on sequences left out of the fit.

    Raises:
        ConfigurationError: fewer than FOLDS sequences, or one of CAUSES is missing from a camera.
    """
    listed = list(frames)
    cameras = np.array([frame.camera for frame in listed])
    sequences = np.array([frame.sequence for frame in listed])
    kinds = np.array([frame.weather.kind for frame in listed])
    severities = np.array([frame.weather.severity for frame in listed])
    if len(np.unique(sequences)) < FOLDS:
        raise ConfigurationError(f"{len(np.unique(sequences))} sequences; expected {FOLDS} or more")
    embeddings = np.stack([frame.embedding for frame in listed])
    colors = np.stack([frame.color for frame in listed])
    for camera in np.unique(cameras):
        if missing := set(CAUSES) - set(kinds[cameras == camera]):
            raise ConfigurationError(
                f"camera {str(camera)!r} has no frame of {', '.join(sorted(missing))}; expected some"
            )
    means = {name: embeddings[(cameras == name) & (kinds == "clear")].mean(axis=0) for name in np.unique(cameras)}
    clear_means = np.stack([means[camera] for camera in cameras])
    readout = LightReadout.fit(embeddings, colors)
    held_out = [(out, LightReadout.fit(embeddings[~out], colors[~out])) for out in sequence_folds(sequences)]

    used = (kinds != "fog") | (severities <= THIN_FOG_M)
    differing = embeddings[used], clear_means[used]
    folds = [Fold(out[used], cause_features(*differing, without)) for out, without in held_out]
    cause, probabilities = fit_causes(cause_features(*differing, readout), kinds[used], folds)

    foggy = kinds == "fog"
    differing = embeddings[foggy], clear_means[foggy]
    folds = [Fold(out[foggy], visibility_features(*differing, without)) for out, without in held_out]
    # A factor e below the poorest camera of the fit there is nothing to tell visibility by.
    least = min(clear_contrast(mean) for mean in means.values()) - 1.0
    visibility, estimates = fit_visibility(visibility_features(*differing, readout), severities[foggy], folds, least)

    names = (*CAUSES, UNKNOWN)
    winners = probabilities.argmax(axis=1)
    confusion = np.stack(
        [
            np.bincount(winners[kinds[used] == name], minlength=len(names)) / (kinds[used] == name).sum()
            for name in CAUSES
        ]
    )
    report = FitReport(names, confusion, severities[foggy], estimates)
    return WeatherEstimators(model_id, embedding_hash, readout, cause, visibility), report


def fit_causes(features: np.ndarray, causes: np.ndarray, folds: Sequence[Fold]) -> tuple[CauseModel, np.ndarray]:
    """The model of causes, and what models that were fitted without a frame say of it.

    Args:
        features: (n, F) ``cause_features`` of frames relative to their own camera.
        causes: (n,) names, each of CAUSES among them.
        folds: each frame is left out in one of them; with ``cause_features``.

    Returns the model and (n, len(CAUSES) + 1) held-out probabilities.
    """
    classes = np.array([CAUSES.index(cause) for cause in causes])
    distances, color_distances = np.empty((len(features), len(CAUSES))), np.empty((len(features), len(CAUSES)))
    fitted = []
    for fold in folds:
        seen, unseen = fold.features[~fold.out], fold.features[fold.out]
        whole = _gaussian_classes(seen, classes[~fold.out], _SHARED)
        colors = _gaussian_classes(seen[:, -COLOR_FEATURES:], classes[~fold.out], _COLOR_SHARED)
        distances[fold.out] = whole.distances(unseen)
        color_distances[fold.out] = colors.distances(unseen[:, -COLOR_FEATURES:])
        fitted.append((fold, whole, colors))
    at = np.linspace(0.0, 1.0, _QUANTILES)
    held_out, color_held_out = (
        np.stack([np.quantile(values[classes == index, index], at) for index in range(len(CAUSES))])
        for values in (_REAL_CAMERAS * distances, color_distances)
    )
    probabilities = np.empty((len(features), len(CAUSES) + 1))
    for fold, whole, colors in fitted:
        model = CauseModel(CAUSES, whole, colors, held_out, color_held_out)
        probabilities[fold.out] = model.probabilities(fold.features[fold.out])
    model = CauseModel(
        CAUSES,
        _gaussian_classes(features, classes, _SHARED),
        _gaussian_classes(features[:, -COLOR_FEATURES:], classes, _COLOR_SHARED),
        held_out,
        color_held_out,
    )
    return model, probabilities


def fit_visibility(
    features: np.ndarray, visibility_m: np.ndarray, folds: Sequence[Fold], min_clear_contrast: float
) -> tuple[VisibilityModel, np.ndarray]:
    """The model of visibility, and what models that were fitted without a frame say of it.

    Args:
        features: (n, F) ``visibility_features`` of foggy frames.
        visibility_m: (n,) true visibilities.
        folds: each frame is left out in one of them; with ``visibility_features``.
        min_clear_contrast: see ``VisibilityModel``.

    Returns the model and (n,) held-out estimates in metres.
    """
    target = np.log(visibility_m)
    nothing = np.zeros(1)
    held_out = np.empty(len(target))
    for fold in folds:
        seen = ~fold.out
        model = _support_vectors(fold.features[seen], target[seen], nothing, nothing, min_clear_contrast)
        held_out[fold.out] = model.log_visibility(fold.features[fold.out])
    order = np.array_split(np.argsort(held_out), _ERROR_BINS)
    levels = np.array([held_out[part].mean() for part in order])
    errors = np.array([np.sqrt(np.mean((held_out[part] - target[part]) ** 2)) for part in order])
    return _support_vectors(features, target, levels, errors, min_clear_contrast), np.exp(held_out)


def sequence_folds(sequences: np.ndarray) -> list[np.ndarray]:
    """FOLDS masks over (n,) names of sequences: whole ones, those next to each other by name in different folds.

    Not of cameras: several crops of one sequence show the same streets, and would stand on both sides.
    """
    names = np.unique(sequences)
    return [np.isin(sequences, names[first::FOLDS]) for first in range(FOLDS)]


def _gaussian_classes(features: np.ndarray, classes: np.ndarray, shared: float) -> GaussianClasses:
    """Covariances by Ledoit and Wolf (2004), joined in part."""
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    standardized = (features - mean) / scale
    groups = [standardized[classes == index] for index in range(len(CAUSES))]
    own = np.stack([ledoit_wolf(group)[0] for group in groups])
    covariances = (1 - shared) * own + shared * own.mean(axis=0)
    centers = np.stack([group.mean(axis=0) for group in groups])
    return GaussianClasses(mean, scale, centers, np.linalg.inv(covariances), np.linalg.slogdet(covariances)[1])


def _support_vectors(
    features: np.ndarray, target: np.ndarray, levels: np.ndarray, errors: np.ndarray, min_clear_contrast: float
) -> VisibilityModel:
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale < 1e-9, 1.0, scale)
    gamma = _KERNEL_SLOPE / features.shape[1]
    machine = SVR(C=_PENALTY, epsilon=_INSENSITIVE, gamma=gamma).fit((features - mean) / scale, target)
    return VisibilityModel(
        mean,
        scale,
        machine.support_vectors_,
        machine.dual_coef_[0],
        float(machine.intercept_[0]),
        gamma,
        levels,
        errors,
        min_clear_contrast,
    )
