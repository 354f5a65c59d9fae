"""The drift judgement of each frame of one camera."""

import numpy as np

from camseg_core.drift.reference import DriftReference
from camseg_core.frames import DriftResult, DriftState

METHOD = "mahalanobis"


class DriftDetector:
    """Scores the frames of one camera against a reference and keeps its state."""

    def __init__(self, reference: DriftReference) -> None:
        self._reference = reference
        self._reference_id = reference.reference_id
        self._state = DriftState.UNKNOWN
        self._since_ns = 0

    def update(self, embedding: np.ndarray, stamp_ns: int) -> DriftResult:
        """The judgement of a frame.

        Args:
            embedding: (D,) pooled latent; one that is not finite scores infinity and makes the state ERROR.
            stamp_ns: the frame's stamp.
        """
        reference = self._reference
        score = reference.score(embedding) if np.isfinite(embedding).all() else float("inf")
        if score >= reference.error_threshold:
            state = DriftState.ERROR
        elif score >= reference.warn_threshold:
            state = DriftState.WARN
        else:
            state = DriftState.NOMINAL
        if state != self._state:
            self._state, self._since_ns = state, stamp_ns
        return DriftResult(
            score=score,
            method=METHOD,
            p_value=reference.p_value(score),
            warn_threshold=reference.warn_threshold,
            error_threshold=reference.error_threshold,
            state=state,
            state_since_ns=self._since_ns,
            reference_id=self._reference_id,
            model_id=reference.model_id,
        )
