"""Meteorological optical range from what a frame has lost against the camera's clear frames."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

MAX_VISIBILITY_M = 1500.0
"""Fog thinner than this was not simulated; a larger estimate is none."""


@dataclass(frozen=True)
class VisibilityModel:
    """The logarithm of visibility by support vector regression with the kernel ``exp(−γ |z − z'|²)``.

    Attributes:
        mean, scale: (F,), which standardise ``visibility_features``.
        vectors: (n, F), the support vectors, standardised.
        weights: (n,), of the kernel's values for them.
        offset: logarithm of metres far from all of them.
        gamma: of the kernel.
        error_levels: (B,) ascending logarithms of estimates.
        errors: (B,): standard deviation of the logarithm's error about each level, for cameras not seen in the fit.
        min_clear_contrast: mean logarithm of contrast that a camera's clear frames need for fog to take any away.
    """

    mean: np.ndarray
    scale: np.ndarray
    vectors: np.ndarray
    weights: np.ndarray
    offset: float
    gamma: float
    error_levels: np.ndarray
    errors: np.ndarray
    min_clear_contrast: float

    def log_visibility(self, features: np.ndarray) -> np.ndarray:
        """(n,) natural logarithms of metres of (n, F) ``visibility_features``."""
        inputs = (features - self.mean) / self.scale
        squares = (inputs**2).sum(axis=1)[:, None] - 2 * inputs @ self.vectors.T + self._squares
        return self.offset + np.exp(-self.gamma * squares) @ self.weights

    @cached_property
    def _squares(self) -> np.ndarray:
        return (self.vectors**2).sum(axis=1)

    def estimate(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Visibility and its standard deviation, (n,) metres each; NaN beyond MAX_VISIBILITY_M."""
        logarithm = self.log_visibility(features)
        visibility_m = np.exp(logarithm)
        visibility_m[visibility_m > MAX_VISIBILITY_M] = np.nan
        return visibility_m, visibility_m * np.interp(logarithm, self.error_levels, self.errors)
