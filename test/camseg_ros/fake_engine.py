"""A stand-in for the engine whose results follow from the image, so that a test can say what must come out."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.frames import DriftResult, DriftState, Frame, FrameResult
from camseg_core.labels import CAMVID
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.settings import EngineSettings

if TYPE_CHECKING:
    from camseg_core.drift.collecting import CollectingDetector

WARN_THRESHOLD, ERROR_THRESHOLD = 100.0, 200.0
MODEL_SIZE = (24, 32)
UNLOADABLE_MODEL = "unloadable"
UNREADABLE_RED = 250
"""An image whose first pixel has this red value makes the engine fail, as a GPU without memory would."""


def expected_labels(image: np.ndarray) -> np.ndarray:
    """What FakeEngine finds: the red channel modulo the number of classes."""
    return image[:, :, 0] % len(CAMVID)


def expected_confidence(image: np.ndarray) -> np.ndarray:
    """How sure FakeEngine is: the blue channel as a fraction."""
    return image[:, :, 2].astype(np.float32) / 255.0


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
        region_rows=2,
        region_columns=3,
        region_scores=(0.0, 0.0, 0.0, 0.0, 0.0, 2.0 * ERROR_THRESHOLD),
        causes={"fog": 0.75, "rain": 0.25},
        visibility_m=120.0,
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
        self.drift_thresholds: list[tuple[float, float]] = []
        self.drift_detectors: dict[str, CollectingDetector] = {}
        self.refits: list[tuple[str, float]] = []
        self.batches: list[list[str]] = []
        self.samplings: list[SamplingSettings] = []
        self._inference_s = inference_s

    def infer_batch(
        self, frames: Sequence[Frame], sampling: SamplingSettings, with_confidence: bool, at_model_size: bool
    ) -> list[FrameResult]:
        self.frames += len(frames)
        self.batches.append([frame.camera for frame in frames])
        self.samplings.append(sampling)
        if any(frame.image[0, 0, 0] == UNREADABLE_RED for frame in frames):
            raise RuntimeError("out of memory")
        time.sleep(self._inference_s)
        return [self._result(frame, with_confidence, at_model_size) for frame in frames]

    def _result(self, frame: Frame, with_confidence: bool, at_model_size: bool) -> FrameResult:
        image = cv2.resize(frame.image, MODEL_SIZE[::-1]) if at_model_size else frame.image
        confidence = expected_confidence(image) if with_confidence else None
        drift = drift_of(float(frame.image[0, 0, 1]), frame.stamp_ns)
        return FrameResult(expected_labels(image), drift, self._inference_s, confidence)

    def refit_drift(self, camera: str, seconds: float) -> None:
        if seconds <= 0.0:
            raise ConfigurationError(f"seconds is {seconds}; expected above 0")
        self.refits.append((camera, seconds))

    def set_drift_thresholds(self, expected_run_length_s: float, threshold_scale: float) -> None:
        self.drift_thresholds.append((expected_run_length_s, threshold_scale))

    def save_drift_reference(self, camera: str, path: Path) -> str:
        path.write_text(camera)
        return f"reference-of-{camera}"

    def close(self) -> None:
        self.is_closed = True
