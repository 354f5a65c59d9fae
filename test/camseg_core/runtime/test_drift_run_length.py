"""How often drift alarms falsely may change between two frames."""

import numpy as np
import pytest

from camseg_core.drift.detector import DriftSettings
from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftResult, Frame
from camseg_core.runtime.engine import AUTO_REFERENCE, EngineSettings, InferenceEngine


def judged(engine: InferenceEngine, index: int) -> DriftResult:
    image = np.random.default_rng(index).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return engine.infer(Frame(image, stamp_ns=index * 100_000_000, camera="front")).drift


@pytest.mark.parametrize("reference", ["", AUTO_REFERENCE])
def test_from_the_next_frame_on_the_threshold_is_that_of_the_new_run_length(tiny_model, reference):
    settings = DriftSettings(collect_s=4.0)
    engine = InferenceEngine(EngineSettings(str(tiny_model), "cpu", drift_reference=reference, drift=settings))
    for index in range(45):
        before = judged(engine, index)
    engine.set_drift_run_length(1.0)
    after = judged(engine, 45)
    assert (before.expected_run_length_s, after.expected_run_length_s) == (3600.0, 1.0)
    assert 0.0 < after.sequential_threshold < before.sequential_threshold
    with pytest.raises(ConfigurationError, match=r"expected_run_length_s = 0\.0"):
        engine.set_drift_run_length(0.0)
