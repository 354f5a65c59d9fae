"""Frames in, results out: the model, the drift detectors and the device behind one door."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from camseg_core.drift.detector import DriftDetector
from camseg_core.drift.embedding import embed
from camseg_core.drift.reference import DriftReference
from camseg_core.errors import FrameError
from camseg_core.frames import DriftResult, Frame, FrameResult
from camseg_core.labels import LabelSet
from camseg_core.models.base import SamplingSettings
from camseg_core.models.loading import load_model, model_folder
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import Prediction, predict, predict_batch

SHIPPED_REFERENCE = "drift_reference.safetensors"


@dataclass(frozen=True)
class EngineSettings:
    """What to run and where.

    Attributes:
        model: name of a shipped model, or a folder with config.json and model.safetensors.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda:N``.
        steps: denoising steps a frame, 1 or more.
        sampler: name in ``camseg_core.sampling.SAMPLERS``.
        seed: of the starting noise; the same seed and frame give the same mask.
        num_samples: masks drawn of each frame, 1 or more; their majority is the result, their agreement its confidence.
        drift_reference: path of a reference made by ``camseg drift fit``; "" takes the model's own.
    """

    model: str = "camseg-small"
    device: str = "auto"
    steps: int = SamplingSettings.steps
    sampler: str = SamplingSettings.sampler
    seed: int = SamplingSettings.seed
    num_samples: int = SamplingSettings.num_samples
    drift_reference: str = ""


class InferenceEngine:
    """Segments frames and judges their drift, camera by camera. Call it from one thread only.

    Raises:
        ConfigurationError: a setting is out of range or the device is not there.
        WeightsError: the model is missing or its files are not whole.
        DriftReferenceError: the reference is missing, not whole, or was fitted with another model.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._sampling = SamplingSettings(settings.steps, settings.sampler, settings.seed, settings.num_samples)
        self.device = resolve_device(settings.device)
        self._model = load_model(settings.model, self.device)
        path = settings.drift_reference or model_folder(settings.model) / SHIPPED_REFERENCE
        self._reference = DriftReference.load(Path(path), self._model.model_id)
        self.drift_detectors: dict[str, DriftDetector] = {}
        """Of each camera so far; whoever stores them and puts them back later goes on as if there had been no break."""
        # The first frame pays for memory and kernel selection; a blank one does here, so that no camera frame does.
        predict(self._model, np.zeros((*self._model.input_size, 3), dtype=np.uint8), self._sampling)

    @property
    def label_set(self) -> LabelSet:
        """The classes that results speak of."""
        return self._model.label_set

    @property
    def model_id(self) -> str:
        """The model's name."""
        return self._model.model_id

    def infer(self, frame: Frame, with_confidence: bool = False) -> FrameResult:
        """Segment a frame and judge its drift; raises FrameError if the image is not H×W×3 uint8 with pixels in it.

        The confidence of each pixel, which costs a pass over all classes, is in the result only when asked for.
        """
        return self.infer_batch([frame], with_confidence=with_confidence)[0]

    def infer_batch(
        self,
        frames: Sequence[Frame],
        sampling: SamplingSettings | None = None,
        with_confidence: bool = False,
        at_model_size: bool = False,
    ) -> list[FrameResult]:
        """Segment several frames at once and judge the drift of each, in their order.

        Args:
            frames: one or more, their images (height, width, 3) uint8 of any sizes.
            sampling: how the masks are drawn; None: as the engine's settings say.
            with_confidence: whether the results hold the confidence, which costs a pass over all classes.
            at_model_size: leave labels and confidence at the model's input size instead of the frame's.

        Returns:
            A result for each frame; ``inference_s`` is that of all of them together.

        Raises:
            FrameError: an image is not H×W×3 uint8 with pixels in it.
        """
        for frame in frames:
            image = frame.image
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
                raise FrameError(
                    f"frame is {image.shape} {image.dtype}; expected height×width×3 uint8 RGB, 1×1 or larger"
                )
        started = time.perf_counter()
        images = [frame.image for frame in frames]
        predictions = predict_batch(self._model, images, sampling or self._sampling, with_confidence, at_model_size)
        drifts = [self._judge(frame, prediction) for frame, prediction in zip(frames, predictions, strict=True)]
        inference_s = time.perf_counter() - started
        return [
            FrameResult(prediction.labels, drift, inference_s, prediction.confidence)
            for prediction, drift in zip(predictions, drifts, strict=True)
        ]

    def _judge(self, frame: Frame, prediction: Prediction) -> DriftResult:
        if frame.camera not in self.drift_detectors:
            self.drift_detectors[frame.camera] = DriftDetector(self._reference)
        return self.drift_detectors[frame.camera].update(embed(prediction.image_latent), frame.stamp_ns)

    def close(self) -> None:
        """Let go of the model and its memory; the engine cannot be used afterwards."""
        del self._model
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # otherwise torch keeps the memory for itself
