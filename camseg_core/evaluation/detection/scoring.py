"""Every frame of an evaluation through the image autoencoder, the drift detector and the baselines."""

import hashlib
import math
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field

import numpy as np
import torch
from tqdm import tqdm

from camseg_core.drift.cause import UNKNOWN
from camseg_core.drift.detector import DriftDetector
from camseg_core.drift.embedding import embed
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.settings import DriftSettings
from camseg_core.drift.weather_estimators import WeatherEstimators
from camseg_core.evaluation.detection.baselines import DENOISING_RESIDUAL, ENTROPY, image_statistics
from camseg_core.evaluation.detection.denoising_residual import denoising_residual
from camseg_core.evaluation.detection.frame_runs import FrameRun
from camseg_core.frames import DriftResult
from camseg_core.models.base import SegmentationModel
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import wait_for
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.prediction import image_latent, prepare

_UNORDERED_PERIOD_NS = 10**9
"""Between frames that no rate was given for; nothing that is reported of them depends on it."""


@dataclass(frozen=True)
class Measurement:
    """What is computed of an image whatever stood before it; times in seconds, NaN for what was left out.

    Attributes:
        embedding: (D,) from ``embed``.
        statistics: baselines by name, as measured.
        embedding_s: from the latent of the image to the embedding, after the frame was segmented as in the engine.
        segmentation_s: the whole model, from the image to logits.
    """

    embedding: np.ndarray
    statistics: dict[str, float]
    embedding_s: float
    segmentation_s: float = math.nan


@dataclass(frozen=True)
class ScoredFrame:
    """One frame and what was found.

    Attributes:
        name: which frame.
        run: name of the run of neighbouring frames it belongs to, which no other run of its condition has.
        stamp_ns: its stamp, from the rate where the frame has none; None where the frames are in no order of time.
        visibility_m: measured, metres; NaN where it is not known.
        digest: of the image; the same pixels have the same.
        measurement: of the image.
        result: the detector's judgement, in the order of the run.
        detector_s: seconds that the judgement took, embedding included: all that drift adds to segmentation.
        compared: scores by the further references, by name.
    """

    name: str
    run: str
    stamp_ns: int | None
    visibility_m: float
    digest: str
    measurement: Measurement
    result: DriftResult
    detector_s: float
    compared: dict[str, float]


@dataclass(frozen=True)
class FrameScorer:
    """What frames are judged by.

    Attributes:
        model: in evaluation mode, on its device.
        reference: fitted with it.
        estimators: of cause and visibility, for the same model; None leaves both out.
        settings: of the test over time.
        compared: further references fitted with it, by the name they get in the table.
        with_segmentation: segment every frame too, for ``ENTROPY``, ``DENOISING_RESIDUAL`` and what drift costs beside.
        rate_hz: of folders and lists; None where their frames are in no order of time.
    """

    model: SegmentationModel
    reference: DriftReference
    estimators: WeatherEstimators | None = None
    settings: DriftSettings = field(default_factory=DriftSettings)
    compared: Mapping[str, DriftReference] = field(default_factory=dict)
    with_segmentation: bool = True
    rate_hz: float | None = None

    def new_detector(self) -> DriftDetector:
        """A detector in its first state, as the engine makes one for a camera."""
        return DriftDetector(
            self.reference, self.settings, None if self.estimators is None else self.estimators.estimate
        )

    def judge(self, image: np.ndarray) -> DriftResult:
        """The judgement of one (H, W, 3) uint8 RGB image by itself, by a detector in its first state."""
        return self.new_detector().update(embed(image_latent(self.model, image)), 0)

    def score_run(
        self, run: FrameRun, name: str, known: MutableMapping[str, Measurement], bar: tqdm
    ) -> list[ScoredFrame]:
        """Judge the frames of a run in their order, by a detector of its own.

        Args:
            run: the frames.
            name: what the run is called among those of its condition.
            known: measurements by the digest of the image; an image that is in there is not measured again.
            bar: moved on by every frame.
        """
        detector, scored = self.new_detector(), []
        for index, frame in enumerate(run):
            digest = hashlib.blake2b(frame.image.tobytes(), digest_size=16).hexdigest()
            if digest not in known:
                known[digest] = self.measure(frame.image)
            measurement = known[digest]
            stamp_ns = frame.stamp_ns
            if stamp_ns is None and self.rate_hz is not None:
                stamp_ns = round(index * 1e9 / self.rate_hz)
            judged_at_ns = index * _UNORDERED_PERIOD_NS if stamp_ns is None else stamp_ns
            started = time.perf_counter()
            result = detector.update(measurement.embedding, judged_at_ns)
            detector_s = time.perf_counter() - started + measurement.embedding_s
            compared = {name: reference.score(measurement.embedding) for name, reference in self.compared.items()}
            scored.append(
                ScoredFrame(
                    frame.name,
                    name,
                    stamp_ns,
                    frame.visibility_m,
                    digest,
                    measurement,
                    result,
                    detector_s,
                    compared,
                )
            )
            bar.update()
        return scored

    def measure(self, image: np.ndarray) -> Measurement:
        """Embedding and baselines of an (H, W, 3) uint8 RGB image."""
        statistics = image_statistics(image)
        device = next(self.model.parameters()).device
        if not self.with_segmentation:
            latent = image_latent(self.model, image)
            wait_for(device)
            started = time.perf_counter()
            embedding = embed(latent)
            return Measurement(embedding, statistics, time.perf_counter() - started)
        wait_for(device)
        started = time.perf_counter()
        prepared = prepare(self.model, image)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=supports_bfloat16(device)):
            logits = self.model.segment_prepared(prepared, SamplingSettings()).logits
            # Else a GPU would still be at the masks, and the first to ask it for anything, ``embed``, wait for them.
            wait_for(device)
            segmented = time.perf_counter()
            embedding = embed(prepared.image_latent[0])
            embedded = time.perf_counter()
        statistics[ENTROPY] = softmax_entropy(logits)
        if isinstance(self.model, CamSeg):
            statistics[DENOISING_RESIDUAL] = float(denoising_residual(self.model, prepared).mean())
        return Measurement(embedding, statistics, embedded - segmented, segmented - started)


def most_probable_cause(result: DriftResult) -> str:
    """The cause of the largest probability, or ``unknown`` where none was estimated."""
    return max(result.causes, key=result.causes.__getitem__) if result.causes else UNKNOWN


def softmax_entropy(logits: torch.Tensor) -> float:
    """Mean over the pixels of the entropy of the softmax of (1, classes, H, W) logits, as a fraction of ln(classes)."""
    log_probability = logits.float().log_softmax(dim=1)
    entropy = -(log_probability.exp() * log_probability).sum(dim=1).mean()
    return float(entropy) / math.log(logits.shape[1])
