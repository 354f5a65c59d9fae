"""A stand-in for the engine whose results follow from the image, so that a test can say what must come out."""

import time

import numpy as np

from camseg_core.errors import WeightsError
from camseg_core.frames import DriftResult, DriftState, Frame, FrameResult
from camseg_core.labels import CAMVID
from camseg_core.runtime.engine import EngineSettings

WARN_THRESHOLD, ERROR_THRESHOLD = 100.0, 200.0
UNLOADABLE_MODEL = "unloadable"
UNREADABLE_RED = 250
"""An image whose first pixel has this red value makes the engine fail, as a GPU without memory would."""


def expected_labels(image: np.ndarray) -> np.ndarray:
    """What FakeEngine finds: the red channel modulo the number of classes."""
    return image[:, :, 0] % len(CAMVID)


def drift_of(score: float, stamp_ns: int) -> DriftResult:
    state = DriftState.NOMINAL
    if score >= WARN_THRESHOLD:
        state = DriftState.WARN
    if score >= ERROR_THRESHOLD:
        state = DriftState.ERROR
    return DriftResult(
        score=score,
        method="mahalanobis",
        p_value=0.25,
        warn_threshold=WARN_THRESHOLD,
        error_threshold=ERROR_THRESHOLD,
        state=state,
        state_since_ns=stamp_ns,
        reference_id="fake-reference",
        model_id="fake-model",
    )


class FakeEngine:
    """Same interface as InferenceEngine. The drift score is the green value of the first pixel."""

    model_id = "fake-model"
    device = "cpu"
    label_set = CAMVID

    def __init__(self, settings: EngineSettings, inference_s: float = 0.0, load_s: float = 0.0) -> None:
        if settings.model == UNLOADABLE_MODEL:
            raise WeightsError(f"model {settings.model!r} is cut short; expected whole weights")
        time.sleep(load_s)
        self.settings = settings
        self.frames = 0
        self.is_closed = False
        self._inference_s = inference_s

    def infer(self, frame: Frame) -> FrameResult:
        self.frames += 1
        if frame.image[0, 0, 0] == UNREADABLE_RED:
            raise RuntimeError("out of memory")
        time.sleep(self._inference_s)
        drift = drift_of(float(frame.image[0, 0, 1]), frame.stamp_ns)
        return FrameResult(labels=expected_labels(frame.image), drift=drift, inference_s=self._inference_s)

    def close(self) -> None:
        self.is_closed = True
