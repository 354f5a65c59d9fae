"""What an embedding says of the weather, in a few numbers that mean the same for every camera.

All but the last are differences from the mean of the camera's clear frames, so what the camera looks at drops out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS, split

BANDS = 3
"""Rows of regions are joined to so many bands of equal height, from top to bottom."""

TEXTURES = PARTS[1:]
"""Contrast and detail."""

_LIGHT_OF_COLOR = np.array([[1 / 3, 1.0, 0.0], [1 / 3, -1.0, -1.0], [1 / 3, 0.0, 1.0]])
"""From red, green and blue to luminance, red less green and blue less green."""

COLOR_FEATURES = 4
"""The last features are no differences: the colour casts of the top band and of the image."""


@dataclass(frozen=True)
class LightReadout:
    """The linear map from the mean of a latent to the mean colour of the pixels.

    Attributes:
        weights: (channels, 3).
        offset: (3,); the result is sRGB, 0 to 1.
    """

    weights: np.ndarray
    offset: np.ndarray

    @classmethod
    def fit(cls, embeddings: np.ndarray, colors: np.ndarray) -> "LightReadout":
        """Least squares from (n, D) embeddings to the (n, 3) mean sRGB colours of their images, 0 to 1."""
        means = _channel_means(embeddings).mean(axis=(1, 2))
        solution = np.linalg.lstsq(np.column_stack([means, np.ones(len(means))]), colors, rcond=None)[0]
        return cls(solution[:-1], solution[-1])

    def light(self, embeddings: np.ndarray, *, relative: bool) -> np.ndarray:
        """Luminance and colour casts of each region, (n, rows, columns, 3); of differences without the offset."""
        light = _channel_means(embeddings) @ self._light_weights
        return light if relative else light + self.offset @ _LIGHT_OF_COLOR

    @cached_property
    def _light_weights(self) -> np.ndarray:
        return self.weights @ _LIGHT_OF_COLOR


def _channel_means(embeddings: np.ndarray) -> np.ndarray:
    return split(embeddings)["mean"]


def region_features(embeddings: np.ndarray, clear_mean: np.ndarray, readout: LightReadout) -> np.ndarray:
    """Change of textures and light in each region, (n, rows, columns, 6), of (n, D) embeddings.

    Textures are averaged over the latent's channels: which of them shows a contrast is a matter of the scene.
    """
    relative = embeddings - clear_mean
    textures = relative.reshape(len(relative), len(PARTS), ROWS, COLUMNS, -1)[:, 1:].mean(axis=-1)
    return np.concatenate([np.moveaxis(textures, 1, -1), readout.light(relative, relative=True)], axis=-1)


def cause_features(embeddings: np.ndarray, clear_mean: np.ndarray, readout: LightReadout) -> np.ndarray:
    """What tells causes apart, (n, features): means and spreads of bands, the poorest region, colour casts."""
    regions = region_features(embeddings, clear_mean, readout)
    count, kinds = len(regions), regions.shape[-1]
    bands = regions.reshape(count, BANDS, -1, kinds)
    means = bands.mean(axis=2)
    spreads = bands[..., : len(TEXTURES) + 1].std(axis=2)
    poorest = bands[..., : len(TEXTURES)].min(axis=(1, 2))
    casts = readout.light(embeddings, relative=False)[..., 1:].reshape(count, BANDS, -1, 2).mean(axis=2)
    parts = (means, spreads, poorest, casts[:, 0], casts.mean(axis=1))
    return np.concatenate([part.reshape(count, -1) for part in parts], axis=1)


def visibility_features(embeddings: np.ndarray, clear_mean: np.ndarray, readout: LightReadout) -> np.ndarray:
    """What visibility shows in, (n, features): the loss of textures and the gain of light row by row, and the light."""
    regions = region_features(embeddings, clear_mean, readout)[..., : len(TEXTURES) + 1]
    luminance = readout.light(embeddings, relative=False)[..., 0]
    return np.concatenate([regions.mean(axis=2).reshape(len(regions), -1), luminance.mean(axis=2)], axis=1)
