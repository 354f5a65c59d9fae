"""Segmentation metrics against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.labels import CAMVID, CITYSCAPES_CAMSEG, LabelSet

TWO = LabelSet("two", ("a", "b"), ((0, 0, 0), (1, 1, 1)))


def metrics_of(labels, prediction, label_set=CAMVID):
    confusion = ConfusionMatrix(label_set)
    confusion.update(np.asarray(labels, dtype=np.uint8), np.asarray(prediction, dtype=np.uint8))
    return confusion.metrics()


def test_agrees_with_scikit_learn():
    random = np.random.default_rng(0)
    labels = random.integers(0, 11, (50, 60))
    prediction = np.where(random.random((50, 60)) < 0.6, labels, random.integers(0, 11, (50, 60)))
    metrics = metrics_of(labels, prediction)
    true, predicted = labels.ravel(), prediction.ravel()
    assert metrics.miou == pytest.approx(jaccard_score(true, predicted, average="macro"))
    assert metrics.ap == pytest.approx(precision_score(true, predicted, average="macro"))
    assert metrics.class_accuracy == pytest.approx(recall_score(true, predicted, average="macro"))
    assert metrics.f1 == pytest.approx(f1_score(true, predicted, average="macro"))
    assert metrics.global_accuracy == pytest.approx(accuracy_score(true, predicted))


def test_unlabelled_pixels_do_not_count():
    metrics = metrics_of([[0, 255, 255]], [[0, 1, 0]], TWO)
    assert metrics.per_class_iou["a"] == 1.0
    assert np.isnan(metrics.per_class_iou["b"])
    assert metrics.miou == 1.0


def test_a_predicted_255_is_a_miss():
    metrics = metrics_of([[0, 0, 1, 1]], [[0, 255, 1, 1]], TWO)
    assert metrics.per_class_iou == {"a": 0.5, "b": 1.0}
    assert metrics.global_accuracy == 0.75


def test_a_predicted_void_is_a_miss_and_void_itself_has_no_score():
    """Cityscapes' means are over its 19 classes (Cordts et al., 2016), also where a model draws a void besides."""
    random = np.random.default_rng(1)
    labels = random.integers(1, 20, (50, 60))
    prediction = np.where(random.random((50, 60)) < 0.7, labels, random.integers(0, 20, (50, 60)))
    assert (prediction == 0).any()
    metrics = metrics_of(labels, prediction, CITYSCAPES_CAMSEG)
    true, predicted, classes = labels.ravel(), prediction.ravel(), list(range(1, 20))
    averaged = {"average": "macro", "labels": classes}
    assert metrics.miou == pytest.approx(jaccard_score(true, predicted, **averaged))
    assert metrics.f1 == pytest.approx(f1_score(true, predicted, **averaged))
    assert metrics.class_accuracy == pytest.approx(recall_score(true, predicted, **averaged))
    assert metrics.ap == pytest.approx(precision_score(true, predicted, **averaged))
    assert metrics.global_accuracy == pytest.approx(accuracy_score(true, predicted))
    assert np.isnan(metrics.per_class_iou["void"])


def test_pixels_whose_true_label_is_void_do_not_count():
    assert metrics_of([[0, 1, 2]], [[1, 1, 2]], CITYSCAPES_CAMSEG).global_accuracy == 1.0


def test_a_void_that_is_no_class_is_refused():
    with pytest.raises(ConfigurationError, match="label set 'two': void is 2; expected 0 to 1, or None"):
        LabelSet("two", ("a", "b"), ((0, 0, 0), (1, 1, 1)), void=2)


def test_a_class_never_predicted_has_precision_zero():
    metrics = metrics_of([[0, 1]], [[0, 0]], TWO)
    assert metrics.ap == pytest.approx((0.5 + 0.0) / 2)


def test_counts_add_up_over_images():
    once, twice = ConfusionMatrix(TWO), ConfusionMatrix(TWO)
    a = np.array([[0, 1], [1, 1]], dtype=np.uint8)
    b = np.array([[0, 0], [1, 0]], dtype=np.uint8)
    once.update(np.concatenate([a, b]), np.concatenate([b, a]))
    twice.update(a, b)
    twice.update(b, a)
    assert np.array_equal(once.counts, twice.counts)


def test_unequal_sizes_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2\).*\(2, 1\)"):
        metrics_of([[0, 1]], [[0], [1]], TWO)


def test_an_id_outside_the_label_set_is_refused():
    with pytest.raises(ValueError, match="class id 2; expected 0 to 1"):
        metrics_of([[2]], [[0]], TWO)
    with pytest.raises(ValueError, match="class id 7; expected 0 to 1"):
        metrics_of([[1]], [[7]], TWO)


def test_the_first_id_behind_the_classes_is_no_way_to_predict_nothing():
    with pytest.raises(ValueError, match="class id 2; expected 0 to 1 or 255"):
        metrics_of([[1]], [[2]], TWO)
