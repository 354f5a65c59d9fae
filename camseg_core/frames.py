"""What goes into the engine and what comes out, free of ROS and of tensors."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np


@dataclass(frozen=True)
class Frame:
    """One camera image.

    Attributes:
        image: (height, width, 3) uint8, RGB.
        stamp_ns: acquisition time from the camera, nanoseconds since the epoch of its clock.
        camera: which camera it is; drift is judged for each camera by itself.
    """

    image: np.ndarray
    stamp_ns: int
    camera: str = "camera"


class DriftState(IntEnum):
    """How far a camera's frames have drifted; the values are those of EmbeddingDrift.msg."""

    UNKNOWN = 0
    NOMINAL = 1
    WARN = 2
    ERROR = 3
    STALE = 4


@dataclass(frozen=True)
class DriftResult:
    """The drift judgement of one frame. NaN or empty where something is not estimated.

    Attributes:
        score: distance of the frame's embedding from the reference, 0 and more; larger is stranger.
        method: name of the score, such as ``mahalanobis``.
        p_value: conformal p-value of the score among the reference's held-out clear frames, in (0, 1].
        warn_threshold, error_threshold: scores from which the state is WARN or ERROR.
        sequential_statistic, sequential_threshold: of the test over time; NaN without one.
        expected_run_length_s: stated mean time between false alarms, seconds; NaN without one.
        state: the camera's state after this frame.
        state_since_ns: stamp of the frame with which the state began.
        region_rows, region_columns, region_scores: scores on a grid over the image, row-major; 0, 0 and () without.
        causes: probability of each named cause; empty without a classifier.
        visibility_m, visibility_std_m: meteorological optical range and its standard deviation, metres.
        reference_id: hash of the fitted reference.
        model_id: the model whose embedding was scored.
    """

    score: float
    method: str
    p_value: float
    warn_threshold: float
    error_threshold: float
    state: DriftState
    state_since_ns: int
    reference_id: str
    model_id: str
    sequential_statistic: float = float("nan")
    sequential_threshold: float = float("nan")
    expected_run_length_s: float = float("nan")
    region_rows: int = 0
    region_columns: int = 0
    region_scores: tuple[float, ...] = ()
    causes: dict[str, float] = field(default_factory=dict)
    visibility_m: float = float("nan")
    visibility_std_m: float = float("nan")


@dataclass(frozen=True)
class FrameResult:
    """What the engine found in one frame.

    Attributes:
        labels: (height, width) uint8 class ids at the frame's own size; 255 is unlabelled.
        drift: the drift judgement.
        inference_s: seconds from hand-over to result.
        confidence: (height, width) float32 in [0, 1]: with several masks a frame the share of them that agree with
            the label, with one the softmax of its class; neither is calibrated. None unless asked for.
    """

    labels: np.ndarray
    drift: DriftResult
    inference_s: float
    confidence: np.ndarray | None = None
