"""What drift costs beside segmentation, also on a device that calls do not wait for."""

import numpy as np
import pytest

from camseg_core.drift.reference import DriftReference
from camseg_core.evaluation.detection import scoring
from camseg_core.evaluation.detection.scoring import FrameScorer
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.engine import SHIPPED_REFERENCE


@pytest.fixture
def model(tiny_model):
    return load_model(str(tiny_model), resolve_device("cpu"))


@pytest.fixture
def scorer(model, tiny_model):
    return FrameScorer(model, DriftReference.load(tiny_model / SHIPPED_REFERENCE, model.model_id))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def on_a_gpu(model, monkeypatch, lagging_device):
    """Encoding takes 5 s there, a mask 2 and an embedding, which comes to the host, 0.25."""
    monkeypatch.setattr(scoring, "time", lagging_device)
    monkeypatch.setattr(scoring, "wait_for", lagging_device.wait)
    monkeypatch.setattr(scoring, "prepare", lagging_device.taking(5.0, scoring.prepare))
    monkeypatch.setattr(scoring, "image_latent", lagging_device.taking(5.0, scoring.image_latent))
    monkeypatch.setattr(model, "segment_prepared", lagging_device.taking(2.0, model.segment_prepared))
    monkeypatch.setattr(scoring, "embed", lagging_device.taking(0.25, scoring.embed, waits=True))


def test_masks_that_a_gpu_is_still_at_are_charged_to_segmentation_not_to_drift(scorer, image):
    measured = scorer.measure(image)
    assert (measured.segmentation_s, measured.embedding_s) == (7.0, 0.25)


def test_without_segmentation_drift_is_not_charged_with_the_encoding(scorer, image):
    measured = FrameScorer(scorer.model, scorer.reference, with_segmentation=False).measure(image)
    assert measured.embedding_s == 0.25
    assert np.isnan(measured.segmentation_s)


def test_a_frame_is_not_charged_with_what_came_before_it(scorer, image, lagging_device):
    lagging_device.taking(40.0, lambda: None)()
    assert scorer.measure(image).segmentation_s == 7.0
