"""Boundary F1: how well the contours of classes are met (Csurka et al., BMVC 2013, section 3)."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from camseg_core.labels import UNLABELLED, LabelSet

DIAGONAL_SHARE = 0.0075
"""Tolerance of Csurka et al. as a share of the image's diagonal: 4.5 pixels at 360×480."""


def diagonal_tolerance_px(shape: tuple[int, int]) -> float:
    """The usual tolerance for images of (height, width) pixels."""
    return DIAGONAL_SHARE * math.hypot(*shape)


def boundary_f1(labels: np.ndarray, prediction: np.ndarray, classes: int, tolerances_px: Sequence[float]) -> np.ndarray:
    """F1 of the boundary pixels of each class in one image.

    A pixel of a class is on its boundary where one of its four neighbours is labelled with another class. Precision is
    the share of predicted boundary pixels within the tolerance of a true one, recall the share of true ones within the
    tolerance of a predicted one. What is predicted for unlabelled pixels is not looked at.

    Args:
        labels: (H, W) uint8 true class ids, 255 where unlabelled.
        prediction: (H, W) uint8 class ids.
        classes: number of classes.
        tolerances_px: Euclidean distances up to which a boundary counts as met.

    Returns:
        (tolerances, classes) float64; 0 where only one of the two has a boundary, NaN where neither has.
    """
    prediction = np.where(labels == UNLABELLED, UNLABELLED, prediction)
    scores = np.full((len(tolerances_px), classes), np.nan)
    edges = _edges(labels), _edges(prediction)
    for class_id in range(classes):
        true, found = (edge & (ids == class_id) for edge, ids in zip(edges, (labels, prediction), strict=True))
        if not true.any() or not found.any():
            if true.any() or found.any():
                scores[:, class_id] = 0.0
            continue
        to_true, to_found = _distance_to(true)[found], _distance_to(found)[true]
        for row, tolerance in enumerate(tolerances_px):
            precision, recall = (to_true <= tolerance).mean(), (to_found <= tolerance).mean()
            scores[row, class_id] = 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0
    return scores


class BoundaryScores:
    """Boundary F1 over many images: of each class the mean over the images in which it has a boundary.

    Args:
        label_set: the classes.
        tolerances_px: as ``boundary_f1`` takes them.
    """

    def __init__(self, label_set: LabelSet, tolerances_px: Sequence[float]) -> None:
        self._label_set = label_set
        self.tolerances_px = tuple(tolerances_px)
        self._sums = np.zeros((len(self.tolerances_px), len(label_set)))
        self._counts = np.zeros_like(self._sums)

    def update(self, labels: np.ndarray, prediction: np.ndarray) -> None:
        """Add one image: labels and prediction, both (H, W) uint8."""
        scores = boundary_f1(labels, prediction, len(self._label_set), self.tolerances_px)
        self._sums += np.nan_to_num(scores)
        self._counts += ~np.isnan(scores)

    def per_class(self) -> dict[float, dict[str, float]]:
        """Means by tolerance and class name; NaN for a class that never has a boundary."""
        with np.errstate(invalid="ignore"):
            means = self._sums / self._counts
        return {
            tolerance: dict(zip(self._label_set.names, row, strict=True))
            for tolerance, row in zip(self.tolerances_px, means.tolist(), strict=True)
        }


def _edges(ids: np.ndarray) -> np.ndarray:
    """(H, W) bool: labelled pixels with a four-neighbour that is labelled with another class."""
    edges = np.zeros(ids.shape, dtype=bool)
    for ahead, behind in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = (ids[ahead] != ids[behind]) & (ids[ahead] != UNLABELLED) & (ids[behind] != UNLABELLED)
        edges[ahead] |= differ
        edges[behind] |= differ
    return edges


def _distance_to(pixels: np.ndarray) -> np.ndarray:
    """(H, W) float32: Euclidean distance to the nearest of the pixels that are true; there is at least one."""
    return cv2.distanceTransform((~pixels).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
