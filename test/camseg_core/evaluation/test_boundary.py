"""Boundary F1 against its definition, pixel by pixel and pair by pair."""

import math

import numpy as np
import pytest

from camseg_core.evaluation.boundary import BoundaryScores, boundary_f1, diagonal_tolerance_px
from camseg_core.labels import CAMVID, UNLABELLED


def boundary(ids, class_id):
    """The boundary pixels of a class, by going round every pixel."""
    found = []
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                inside = 0 <= y + dy < ids.shape[0] and 0 <= x + dx < ids.shape[1]
                if ids[y, x] == class_id and inside and ids[y + dy, x + dx] not in (class_id, UNLABELLED):
                    found.append((y, x))
                    break
    return found


def brute_force(labels, prediction, class_id, tolerance):
    prediction = prediction.copy()
    prediction[labels == UNLABELLED] = UNLABELLED
    true, found = boundary(labels, class_id), boundary(prediction, class_id)
    if not true and not found:
        return math.nan
    if not true or not found:
        return 0.0
    precision = sum(min(math.dist(a, b) for b in true) <= tolerance for a in found) / len(found)
    recall = sum(min(math.dist(a, b) for b in found) <= tolerance for a in true) / len(true)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_definition_on_random_maps(seed):
    random = np.random.default_rng(seed)
    labels, prediction = (
        np.repeat(np.repeat(random.integers(0, 4, (4, 5)), 4, 0), 4, 1).astype(np.uint8) for _ in range(2)
    )
    same = random.random(labels.shape) < 0.8
    prediction[same] = labels[same]
    labels[random.random(labels.shape) < 0.1] = UNLABELLED
    tolerances = (0.0, 1.0, 2.3)
    expected = [[brute_force(labels, prediction, class_id, t) for class_id in range(5)] for t in tolerances]
    np.testing.assert_allclose(boundary_f1(labels, prediction, 5, tolerances), expected)


def test_a_border_moved_by_two_pixels_is_met_from_two_pixels_on():
    labels, prediction = np.zeros((20, 30), dtype=np.uint8), np.zeros((20, 30), dtype=np.uint8)
    labels[:, 15:], prediction[:, 17:] = 1, 1
    scores = boundary_f1(labels, prediction, 3, (1.9, 2.0))
    np.testing.assert_array_equal(scores, [[0.0, 0.0, np.nan], [1.0, 1.0, np.nan]])


def test_what_is_predicted_for_unlabelled_pixels_is_not_looked_at():
    labels = np.full((8, 8), UNLABELLED, dtype=np.uint8)
    labels[:, 4:] = 1
    prediction = labels.copy()
    prediction[:, :4] = 0
    assert np.isnan(boundary_f1(labels, prediction, 2, (1.0,))).all()


def test_means_leave_out_images_without_the_class():
    halves, whole = np.zeros((8, 8), dtype=np.uint8), np.zeros((8, 8), dtype=np.uint8)
    halves[:, 4:] = 1
    scores = BoundaryScores(CAMVID, (0.5,))
    scores.update(halves, halves)
    scores.update(whole, whole)
    scores.update(halves, whole)
    per_class = scores.per_class()[0.5]
    assert (per_class["sky"], per_class["building"]) == (0.5, 0.5)
    assert math.isnan(per_class["pole"])


def test_the_usual_tolerance_of_camvid():
    assert diagonal_tolerance_px((360, 480)) == pytest.approx(4.5)
