"""Drift references in the engine: the model's own, one fitted on a camera's first frames, refitted, saved."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from camseg_core.drift.reference import DriftReference
from camseg_core.drift.settings import DriftSettings
from camseg_core.errors import ConfigurationError, DriftReferenceError
from camseg_core.frames import DriftResult, DriftState, Frame
from camseg_core.model_files import SHIPPED_WEIGHTS, model_folder
from camseg_core.models.loading import embedding_hash
from camseg_core.runtime.engine import SHIPPED_REFERENCE, InferenceEngine
from camseg_core.runtime.settings import AUTO_REFERENCE, EngineSettings

PERIOD_NS = 100_000_000


@pytest.fixture
def settings(tiny_model):
    return EngineSettings(model=str(tiny_model), device="cpu", drift=DriftSettings(collect_s=4.0))


def drive(engine: InferenceEngine, frames: int, start: int = 0, camera: str = "front") -> list[DriftResult]:
    random = np.random.default_rng(start)
    return [
        engine.infer(
            Frame(random.integers(0, 256, (48, 64, 3), dtype=np.uint8), (start + index) * PERIOD_NS, camera)
        ).drift
        for index in range(frames)
    ]


def test_auto_fits_each_camera_on_its_first_frames(settings):
    engine = InferenceEngine(replace(settings, drift_reference=AUTO_REFERENCE))
    results = drive(engine, 45)
    drive(engine, 5, camera="rear")
    assert {result.state for result in results[:40]} == {DriftState.UNKNOWN}
    assert results[-1].state != DriftState.UNKNOWN
    assert results[-1].reference_id
    with pytest.raises(DriftReferenceError, match="camera 'rear' is still collecting"):
        engine.save_drift_reference("rear", Path("unused.safetensors"))


def test_auto_needs_no_reference_of_the_model(settings, tiny_config, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((model_folder(settings.model) / name).read_bytes())
    engine = InferenceEngine(replace(settings, model=str(tmp_path), drift_reference=AUTO_REFERENCE))
    assert drive(engine, 45)[-1].reference_id
    with pytest.raises(DriftReferenceError, match=rf"{SHIPPED_REFERENCE}: no such file"):
        InferenceEngine(replace(settings, model=str(tmp_path)))


def test_a_refitted_reference_is_saved_and_loaded(settings, tmp_path):
    engine = InferenceEngine(settings)
    before = drive(engine, 3)[-1].reference_id
    engine.refit_drift("front", seconds=3.0)
    results = drive(engine, 40, start=10)
    assert results[0].state == DriftState.UNKNOWN
    assert results[-1].reference_id not in ("", before)
    path = tmp_path / "front.safetensors"
    assert engine.save_drift_reference("front", path) == results[-1].reference_id
    again = InferenceEngine(replace(settings, drift_reference=str(path)))
    assert drive(again, 1)[0].reference_id == results[-1].reference_id


def test_a_reference_in_the_home_folder_is_found_whoever_passes_its_path(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    engine = InferenceEngine(settings)
    reference_id = drive(engine, 1)[0].reference_id
    engine.save_drift_reference("front", tmp_path / "front.safetensors")
    again = replace(settings, drift_reference="~/front.safetensors")
    assert again == replace(settings, drift_reference=str(tmp_path / "front.safetensors"))
    assert drive(InferenceEngine(again), 1)[0].reference_id == reference_id
    with pytest.raises(DriftReferenceError, match=r"~nosuchuser/front\.safetensors: no such file; expected"):
        InferenceEngine(replace(settings, drift_reference="~nosuchuser/front.safetensors"))


def test_what_cannot_be_refitted_or_saved_is_named(settings, tmp_path):
    engine = InferenceEngine(settings)
    with pytest.raises(ConfigurationError, match=r"collect_s = -1\.0"):
        engine.refit_drift("front", seconds=-1.0)
    with pytest.raises(DriftReferenceError, match="camera 'front' has had no frame; expected one of those seen: none"):
        engine.save_drift_reference("front", tmp_path / "x.safetensors")


def test_a_reference_outlasts_new_weights_of_the_masks(settings, altered_model):
    InferenceEngine(replace(settings, model=str(altered_model("transformer"))))


def test_a_reference_on_embeddings_of_another_image_autoencoder_is_refused(settings, altered_model):
    with pytest.raises(DriftReferenceError, match="was fitted on embeddings of another"):
        InferenceEngine(replace(settings, model=str(altered_model("image_autoencoder"))))


def test_the_shipped_reference_belongs_to_the_shipped_weights():
    folder = SHIPPED_WEIGHTS / "camseg-small"
    reference = DriftReference.load(folder / SHIPPED_REFERENCE, "camseg-small", embedding_hash("camseg-small"))
    assert reference.is_conclusive
