"""What drift is judged by may change between two frames."""

import math

import numpy as np
import pytest

from camseg_core.drift.settings import DriftSettings
from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftResult, Frame
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import AUTO_REFERENCE, EngineSettings


def judged(engine: InferenceEngine, index: int) -> DriftResult:
    image = np.random.default_rng(index).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return engine.infer(Frame(image, stamp_ns=index * 100_000_000, camera="front")).drift


@pytest.mark.parametrize("reference", ["", AUTO_REFERENCE])
def test_from_the_next_frame_on_thresholds_are_the_new_ones(tiny_model, reference):
    settings = DriftSettings(collect_s=4.0)
    engine = InferenceEngine(EngineSettings(str(tiny_model), "cpu", drift_reference=reference, drift=settings))
    for index in range(45):
        before = judged(engine, index)
    engine.set_drift_thresholds(expected_run_length_s=1.0, threshold_scale=1.5)
    after = judged(engine, 45)
    assert (before.expected_run_length_s, after.expected_run_length_s) == (3600.0, 1.0)
    assert 0.0 < after.sequential_threshold < before.sequential_threshold
    assert after.warn_threshold == pytest.approx(1.5 * before.warn_threshold)
    assert after.error_threshold == pytest.approx(1.5 * before.error_threshold)
    with pytest.raises(ConfigurationError, match=r"expected_run_length_s = 0\.0"):
        engine.set_drift_thresholds(0.0, 1.0)
    with pytest.raises(ConfigurationError, match=r"threshold_scale = inf"):
        engine.set_drift_thresholds(1.0, math.inf)


def test_a_camera_may_come_in_from_another_thread_while_thresholds_change(tiny_model, monkeypatch):
    engine = InferenceEngine(EngineSettings(str(tiny_model), "cpu"))
    judged(engine, 0)
    front = engine.drift_detectors["front"]
    # As a service call in the node's own thread does: between any two lines of the one that infers.
    monkeypatch.setattr(front, "set_thresholds", lambda *_: engine.refit_drift("rear", 3.0))
    engine.set_drift_thresholds(expected_run_length_s=1.0, threshold_scale=1.5)
    assert set(engine.drift_detectors) == {"front", "rear"}
