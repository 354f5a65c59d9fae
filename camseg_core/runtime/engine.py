"""Frames in, results out: the model, the drift detectors and the device behind one door."""

import gc
import time
import traceback
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from camseg_core.drift.collecting import CollectingDetector
from camseg_core.drift.detector import DriftDetector, WeatherEstimator
from camseg_core.drift.embedding import embed
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.weather_estimators import FILE_NAME as WEATHER_ESTIMATORS
from camseg_core.drift.weather_estimators import WeatherEstimators
from camseg_core.errors import ConfigurationError, DriftReferenceError, FrameError, InferenceError
from camseg_core.frames import DriftResult, Frame, FrameResult
from camseg_core.labels import LabelSet
from camseg_core.model_files import model_folder
from camseg_core.models.base import SegmentationModel
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.quantization.loading import load_int8_model
from camseg_core.runtime.compilation import compilation, compile_parts
from camseg_core.runtime.device import limit_gpu_memory, resolve_device, wait_for
from camseg_core.runtime.device_model import DeviceModel
from camseg_core.runtime.graphs import capture_batches
from camseg_core.runtime.optimization import optimize_for_inference
from camseg_core.runtime.recovery import RecoveringRunner
from camseg_core.runtime.runner import MAX_IN_FLIGHT, HostRunner, Request, Runner
from camseg_core.runtime.settings import AUTO_REFERENCE, EngineSettings
from camseg_core.runtime.stages import stage
from camseg_core.runtime.stream_runner import StreamRunner
from camseg_core.runtime.streams import CudaStreams

SHIPPED_REFERENCE = "drift_reference.safetensors"


class InferenceHandle:
    """A batch handed in with ``InferenceEngine.submit``, for ``InferenceEngine.result``."""

    def __init__(self, frames: Sequence[Frame], ticket: Any) -> None:
        self.frames = frames
        self.ticket = ticket
        self.submitted_at_s = time.perf_counter()
        self.outcome: list[FrameResult] | Exception | None = None


class InferenceEngine:
    """Segments frames and judges their drift, camera by camera. Call it from one thread only.

    Raises:
        ConfigurationError: a setting is out of range, the device is not there, or nothing can be compiled for it.
        WeightsError: the model is missing or its files are not whole.
        DriftReferenceError: the reference is missing, not whole, or was fitted with another model.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._sampling = SamplingSettings(settings.steps, settings.sampler, settings.seed, settings.num_samples)
        self.device = resolve_device(settings.device)
        if self.device.type == "cuda" and settings.int8:
            raise ConfigurationError(f"int8 is true on {self.device}; expected device cpu, or int8 false")
        limit_gpu_memory(self.device, settings.gpu_memory_fraction)
        self._settings = settings
        self._in_flight: deque[InferenceHandle] = deque()
        self.label_set: LabelSet
        """The classes that results speak of."""
        self.model_id: str
        """The model's name."""
        self._runner: Runner
        if self.device.type == "cuda":
            self._runner = RecoveringRunner(self._make_stream_runner, torch.cuda.empty_cache, time.monotonic)
        else:
            self._runner = HostRunner(self._load_model)
        self._drift_settings = settings.drift
        self._embedding_hash = embedding_hash(settings.model)
        self._is_auto = settings.drift_reference == AUTO_REFERENCE
        self._reference = self._load_reference(settings)
        self._estimate_weather = self._load_estimators(settings)
        self.drift_detectors: dict[str, DriftDetector | CollectingDetector] = {}
        """Of each camera so far; whoever stores them and puts them back later goes on as if there had been no break."""
        if self.device.type != "cuda":
            with self._compilation():
                self._warm_up(self._runner)

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
        return self.result(self.submit(frames, sampling, with_confidence, at_model_size))

    def submit(
        self,
        frames: Sequence[Frame],
        sampling: SamplingSettings | None = None,
        with_confidence: bool = False,
        at_model_size: bool = False,
    ) -> InferenceHandle:
        """Hand in a batch and return at once; the arguments are those of ``infer_batch``.

        The images must not change before ``result``.

        Raises:
            FrameError: an image is not H×W×3 uint8 with pixels in it.
            InferenceError: MAX_IN_FLIGHT batches are on their way already. All other errors are ``result``'s.
        """
        for frame in frames:
            image = frame.image
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
                raise FrameError(
                    f"frame is {image.shape} {image.dtype}; expected height×width×3 uint8 RGB, 1×1 or larger"
                )
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            raise InferenceError(f"{MAX_IN_FLIGHT} batches are on their way; expected a call of result() first")
        request = Request(sampling or self._sampling, with_confidence, at_model_size)
        handle = InferenceHandle(frames, self._runner.submit([frame.image for frame in frames], request))
        self._in_flight.append(handle)
        return handle

    def result(self, handle: InferenceHandle) -> list[FrameResult]:
        """Wait for a batch: a result for each of its frames, ``inference_s`` counted from ``submit``.

        Batches end, and the drift of their frames is judged, in the order they were handed in: those before this one
        end with it, and their results wait for their own call. A second call gives the same again.

        Raises:
            InferenceError: the GPU has too little memory for a single image, or was lost; or the handle is of another
                engine. Later batches go on.
        """
        if handle.outcome is None and handle not in self._in_flight:
            raise InferenceError("the batch is not on its way here; expected a handle from this engine's submit()")
        first = handle
        try:
            while handle.outcome is None:
                first = self._in_flight.popleft()
                try:
                    first.outcome = self._finish(first)
                except Exception as error:  # whatever it is, it belongs to this batch and to none of the later ones
                    # It lives as long as the handle: its traceback shall say where, but not keep what was there.
                    traceback.clear_frames(error.__traceback__)
                    first.outcome = error
            if isinstance(handle.outcome, Exception):
                raise handle.outcome
            return handle.outcome
        finally:
            # The traceback holds this frame too: a cycle, if the handles were still in it.
            del first, handle

    def _finish(self, handle: InferenceHandle) -> list[FrameResult]:
        # On a GPU the latents are here first: drift is judged while masks are computed, so also of frames whose masks
        # are lost after that. Handed in again they add nothing to the test over time: their stamps stand still.
        latents = self._runner.latents(handle.ticket)
        try:
            drifts = None if latents is None else self._judge_all(handle.frames, latents)
        finally:  # the runner's place for the batch is to be free again, whatever comes of it
            predictions = self._runner.collect(handle.ticket)
        if drifts is None:
            drifts = self._judge_all(handle.frames, [prediction.image_latent for prediction in predictions])
        inference_s = time.perf_counter() - handle.submitted_at_s
        return [
            FrameResult(prediction.labels, drift, inference_s, prediction.confidence)
            for prediction, drift in zip(predictions, drifts, strict=True)
        ]

    def _load_model(self) -> SegmentationModel:
        if self._settings.int8:
            model = load_int8_model(self._settings.model, self._settings.decoder)
        else:
            model = load_model(self._settings.model, self.device, self._settings.decoder)
        self.label_set, self.model_id, self._input_size = model.label_set, model.model_id, model.input_size
        model = optimize_for_inference(model, self.device)
        return compile_parts(model) if self._settings.torch_compile else model

    def _make_stream_runner(self) -> StreamRunner:
        gc.collect()  # a lost one's model, if parts of it were compiled: there may be no memory for two
        model, streams = self._load_model(), CudaStreams(self.device)
        # Weights are copied and rounded in the default stream, for which no other one waits of itself.
        wait_for(self.device)
        device_model = DeviceModel(model, self.device)

        def capture_batch(batch: int) -> None:
            for with_confidence in (False, True):
                request = Request(self._sampling, with_confidence)
                device_model.capture(batch, request, streams.stream("compute"))

        runner = StreamRunner(streams, device_model, self.device)
        with self._compilation():
            if self._settings.torch_compile:
                # From the smallest batch up: the second one compiles for all others too, which captures begin with.
                self._warm_up(runner)
            capture_batches(capture_batch, self._settings.max_batch, torch.cuda.empty_cache)
            self._warm_up(runner)
        return runner

    def _compilation(self) -> AbstractContextManager[None]:
        return compilation() if self._settings.torch_compile else nullcontext()

    def _warm_up(self, runner: Runner) -> None:
        """The first frame pays for memory and kernel selection; a blank one does here, so that no camera frame does.

        So does the first batch of each size where it would be compiled for.
        """
        blank = np.zeros((*self._input_size, 3), dtype=np.uint8)
        is_compiled = self._settings.torch_compile or self._settings.int8
        for batch in range(1, self._settings.max_batch + 1 if is_compiled else 2):
            runner.collect(runner.submit([blank] * batch, Request(self._sampling)))

    def refit_drift(self, camera: str, seconds: float) -> None:
        """Take a camera's next frames for clear ones and fit its reference on them; UNKNOWN until then.

        May be called from another thread than ``infer``. The one frame that ends the collection takes as long as the
        fit, about a second; a fit that fails begins a new collection.

        Args:
            camera: as in ``Frame.camera``; one that has not been seen yet begins with its first frame.
            seconds: by the stamps of the frames, above 0.

        Raises:
            ConfigurationError: ``seconds`` is not a finite number above 0.
        """
        self.drift_detectors[camera] = CollectingDetector(
            self.model_id,
            self._embedding_hash,
            weather_shift=None if self._reference is None else self._reference.weather_shift,
            settings=replace(self._drift_settings, collect_s=seconds),
            estimate_weather=self._estimate_weather,
        )

    def set_drift_thresholds(self, expected_run_length_s: float, threshold_scale: float) -> None:
        """Let every camera be judged by these from its next frame on, as ``DriftSettings`` says.

        Raises:
            ConfigurationError: one is not a finite number above 0.
        """
        self._drift_settings = replace(
            self._drift_settings, expected_run_length_s=expected_run_length_s, threshold_scale=threshold_scale
        )
        # A copy, made in one go: ``refit_drift`` may put a camera in from its own thread meanwhile.
        for detector in list(self.drift_detectors.values()):
            detector.set_thresholds(expected_run_length_s, threshold_scale)

    def save_drift_reference(self, camera: str, path: Path) -> str:
        """Write the reference that a camera is judged by, and return its id; ``drift_reference`` takes it back.

        May be called from another thread than ``infer``.

        Raises:
            DriftReferenceError: the camera has not been seen, has no reference yet, or the file cannot be written.
        """
        detector = self.drift_detectors.get(camera)
        if detector is None:
            # ``sorted`` copies the names in one go before it compares any: ``infer`` may put a camera in meanwhile.
            known = ", ".join(sorted(self.drift_detectors)) or "none"
            raise DriftReferenceError(f"camera {camera!r} has had no frame; expected one of those seen: {known}")
        reference = detector.reference
        if reference is None:
            raise DriftReferenceError(
                f"camera {camera!r} is still collecting clear frames; expected a fitted reference"
            )
        reference.save(path)
        return reference.reference_id

    def _load_reference(self, settings: EngineSettings) -> DriftReference | None:
        """The reference of every camera; under AUTO_REFERENCE the model's own, if it has one, for its weather shift."""
        shipped = model_folder(settings.model) / SHIPPED_REFERENCE
        path = shipped if self._is_auto or not settings.drift_reference else Path(settings.drift_reference)
        if self._is_auto and not path.is_file():
            return None
        if not settings.drift_reference and not path.is_file():
            raise DriftReferenceError(
                f"{path}: no such file: model {settings.model!r} comes without a drift reference; expected one fitted "
                f"on clear drives with `camseg drift fit`, or the drift reference {AUTO_REFERENCE!r}"
            )
        return DriftReference.load(path, self.model_id, self._embedding_hash)

    def _load_estimators(self, settings: EngineSettings) -> WeatherEstimator | None:
        """What names causes and visibility; None for a model for which ``camseg weather fit`` was not run."""
        path = model_folder(settings.model) / WEATHER_ESTIMATORS
        if not path.is_file():
            return None
        return WeatherEstimators.load(path, self.model_id, self._embedding_hash).estimate

    def _judge_all(self, frames: Sequence[Frame], latents: Sequence[Tensor]) -> list[DriftResult]:
        with stage("drift", torch.device("cpu")):
            return [self._judge(*pair) for pair in zip(frames, latents, strict=True)]

    def _judge(self, frame: Frame, latent: Tensor) -> DriftResult:
        if frame.camera not in self.drift_detectors:
            if self._is_auto:
                self.refit_drift(frame.camera, self._drift_settings.collect_s)
            elif self._reference is not None:
                self.drift_detectors[frame.camera] = DriftDetector(
                    self._reference, self._drift_settings, self._estimate_weather
                )
        return self.drift_detectors[frame.camera].update(embed(latent), frame.stamp_ns)

    def close(self) -> None:
        """Let go of the model and its memory; the engine cannot be used afterwards."""
        self._runner.close()
        del self._runner
        gc.collect()  # parts that torch.compile has compiled hold themselves
        if self.device.type == "cuda":
            with suppress(torch.AcceleratorError):  # of a device that is lost, nothing is given back
                torch.cuda.empty_cache()  # otherwise torch keeps the memory for itself
