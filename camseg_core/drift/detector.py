"""The drift judgement of each frame of one camera."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from camseg_core.drift.reference import DriftReference
from camseg_core.frames import DriftResult, DriftState

CauseEstimator = Callable[[np.ndarray, DriftReference], dict[str, float]]
"""From a (D,) embedding and the reference to the probability of each named cause."""

VisibilityEstimator = Callable[[np.ndarray, DriftReference], tuple[float, float]]
"""From a (D,) embedding and the reference to the meteorological optical range and its standard deviation, metres."""


@dataclass(frozen=True)
class DriftSettings:
    """How the frames of a camera are judged over time."""


class DriftDetector:
    """Scores the frames of one camera against a reference and keeps its state.

    Args:
        reference: the clear driving of this camera.
        settings: of the test over time.
        estimate_cause, estimate_visibility: what is asked about each frame besides; None leaves that out.
    """

    def __init__(
        self,
        reference: DriftReference,
        settings: DriftSettings = DriftSettings(),
        estimate_cause: CauseEstimator | None = None,
        estimate_visibility: VisibilityEstimator | None = None,
    ) -> None:
        self._reference = reference
        self._reference_id = reference.reference_id
        self._settings = settings
        self._estimate_cause = estimate_cause
        self._estimate_visibility = estimate_visibility
        self._state = DriftState.UNKNOWN
        self._since_ns = 0

    def update(self, embedding: np.ndarray, stamp_ns: int) -> DriftResult:
        """The judgement of a frame.

        Args:
            embedding: (D,) from ``embed``; one that is not finite scores infinity and makes the state ERROR.
            stamp_ns: the frame's stamp.
        """
        reference = self._reference
        finite = bool(np.isfinite(embedding).all())
        score = reference.score(embedding) if finite else math.inf
        if score >= reference.error_threshold:
            state = DriftState.ERROR
        elif score >= reference.warn_threshold:
            state = DriftState.WARN
        else:
            state = DriftState.NOMINAL
        if state != self._state:
            self._state, self._since_ns = state, stamp_ns
        causes: dict[str, float] = {}
        visibility_m = visibility_std_m = math.nan
        if finite and self._estimate_cause is not None:
            causes = self._estimate_cause(embedding, reference)
        if finite and self._estimate_visibility is not None:
            visibility_m, visibility_std_m = self._estimate_visibility(embedding, reference)
        return DriftResult(
            score=score,
            method=reference.method,
            p_value=reference.p_value(score),
            warn_threshold=reference.warn_threshold,
            error_threshold=reference.error_threshold,
            state=state,
            state_since_ns=self._since_ns,
            reference_id=self._reference_id,
            model_id=reference.model_id,
            causes=causes,
            visibility_m=visibility_m,
            visibility_std_m=visibility_std_m,
        )
