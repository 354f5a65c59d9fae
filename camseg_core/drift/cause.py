"""What has caused a drift: Gaussian classes of simulated weather, and a test for what is none of them."""

from dataclasses import dataclass

import numpy as np

from camseg_core.drift.weather_features import COLOR_FEATURES

CLEAR, UNKNOWN = "clear", "unknown"

SIGNIFICANCE = 0.05
"""A frame that is stranger to its causes than this share of their own frames begins to be unknown."""


@dataclass(frozen=True)
class GaussianClasses:
    """A Gaussian for each class, of standardised features.

    Attributes:
        mean, scale: (F,) of the features over all classes, which standardise them.
        centers: (K, F), standardised.
        precisions: (K, F, F), standardised.
        log_determinants: (K,) of the covariances.
    """

    mean: np.ndarray
    scale: np.ndarray
    centers: np.ndarray
    precisions: np.ndarray
    log_determinants: np.ndarray

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance of (n, F) features to each class, (n, K)."""
        offsets = ((features - self.mean) / self.scale)[:, None, :] - self.centers
        return ((offsets[:, :, None, :] @ self.precisions)[:, :, 0, :] * offsets).sum(axis=2)

    def posteriors(self, distances: np.ndarray) -> np.ndarray:
        """Probability of each class among all, (n, K), of squared distances; every class is as likely beforehand."""
        logarithms = -0.5 * (distances + self.log_determinants)
        odds = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class CauseModel:
    """Probabilities of causes, with ``unknown`` for what resembles none.

    Among the known causes the Gaussian classes decide. Whether a frame resembles its causes at all is tested twice, by
    its distance in all features and by that in its colour casts alone (fog, rain and snow are grey; a sandstorm is
    not), each against frames of cameras that the fit did not see: the share of them that is as far is its p-value, as
    in conformal prediction (Vovk et al., 2005); of two the smaller one is doubled (Bonferroni). The more it falls below
    SIGNIFICANCE, the more of the probability goes to ``unknown``; all of it where nothing seen was as far.

    Attributes:
        names: of the K causes.
        classes: of all features.
        colors: of the last COLOR_FEATURES alone.
        held_out, color_held_out: (K, M) ascending: distances of each cause's own frames by fits that did not see their
            camera, at M evenly spaced quantiles; the former enlarged, as real cameras differ more than simulated ones.
    """

    names: tuple[str, ...]
    classes: GaussianClasses
    colors: GaussianClasses
    held_out: np.ndarray
    color_held_out: np.ndarray

    def probabilities(self, features: np.ndarray, clear_p_values: np.ndarray | None = None) -> np.ndarray:
        """The probability of each of the K causes, then of unknown.

        Args:
            features: (n, F) ``cause_features``.
            clear_p_values: (n,) of the frames' drift scores among their camera's clear frames. The reference knows its
                camera's clear weather better than a class of many cameras: the odds of ``clear`` are multiplied by the
                p-value over SIGNIFICANCE. None leaves them.

        Returns (n, K + 1); each row sums to 1.
        """
        distances = self.classes.distances(features)
        posteriors = self.classes.posteriors(distances)
        if clear_p_values is not None:
            posteriors[:, self.names.index(CLEAR)] *= clear_p_values / SIGNIFICANCE
            posteriors /= posteriors.sum(axis=1, keepdims=True)
        color_distances = self.colors.distances(features[:, -COLOR_FEATURES:])
        typical = np.minimum(
            _shares_as_far(distances, self.held_out), _shares_as_far(color_distances, self.color_held_out)
        )
        p_value = (posteriors * np.minimum(2 * typical, 1.0)).sum(axis=1, keepdims=True)
        unknown = np.clip(1.0 - p_value / SIGNIFICANCE, 0.0, 1.0)
        return np.concatenate([posteriors * (1.0 - unknown), unknown], axis=1)


def _shares_as_far(distances: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """(n, K): the share of (K, M) ascending held-out distances that (n, K) distances do not exceed."""
    return (held_out[None] >= distances[:, :, None]).mean(axis=2)
