"""The drift judgement of each frame of one camera."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from camseg_core.drift.embedding import COLUMNS, ROWS
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.sequential import ALLOWANCE
from camseg_core.drift.settings import CLEARED, DriftSettings
from camseg_core.drift.stamps import StandingStamps, longest_gap
from camseg_core.drift.weather_estimators import NO_ESTIMATE, WeatherEstimate
from camseg_core.frames import DriftResult, DriftState

WeatherEstimator = Callable[[np.ndarray, DriftReference, float], WeatherEstimate]
"""From a (D,) embedding, the reference and the p-value of the embedding's score by it, to cause and visibility."""

_CADENCE_FRAMES = 5
"""Intervals of which the median is a camera's own: a pause among them is not."""

_CEILING = 2.0
"""The statistic stops at this many thresholds, so that a long fog is forgotten as soon as a short one."""

_LARGEST_STEP = 0.7
"""Part of the threshold that one frame can add: it takes two to alarm, however strange they are."""

_RECENT_FRAMES = 5.0
"""Time constant of the mean score that tells WARN from ERROR."""


class DriftDetector:
    """Scores the frames of one camera against a reference and keeps its state.

    The state follows a test over time, CUSUM (see ``sequential``), not single frames: WARN while the test alarms, ERROR
    while it does and the scores of the last frames also average ``error_threshold`` or more, NOMINAL else.
    A frame counts by the time since the last one, at most as one frame of the reference: a camera that runs faster than
    the reference's clear drives brings no more evidence, only more of the same.

    What is out of the ordinary:

    - UNKNOWN: the reference is too short to judge by (``DriftReference.is_conclusive``); or this frame's stamp jumped
      back, or came too long after the last (``max_gap_s``), and the test started anew with it. So it is where that
      frame comes again: it may have been handed in again because its mask was lost.
    - STALE: the last ``stale_frames`` stamps did not advance. Such frames add nothing to the test.
    - ERROR at once: an embedding that is not finite cannot be scored. Its score is given as ``error_threshold``, its
      p-value as the smallest there is, so that no NaN and no infinity leaves here; the test over time skips it.

    Args:
        reference: the clear driving of this camera.
        settings: of the test over time.
        estimate_weather: what is asked about each frame besides; None leaves cause and visibility out.
    """

    def __init__(
        self,
        reference: DriftReference,
        settings: DriftSettings | None = None,
        estimate_weather: WeatherEstimator | None = None,
    ) -> None:
        self.reference = reference
        self._settings = settings or DriftSettings()
        self._estimate_weather = estimate_weather
        self._max_gap_s = longest_gap(self._settings.max_gap_s, [1.0 / reference.rate_hz])
        self.set_thresholds(self._settings.expected_run_length_s, self._settings.threshold_scale)
        self._state = DriftState.UNKNOWN
        self._since_ns = 0
        self._last_ns: int | None = None
        self._restarted_ns: int | None = None
        self._standing = StandingStamps(self._settings.stale_frames)
        self._intervals_s: deque[float] = deque(maxlen=_CADENCE_FRAMES)
        self._start_anew()

    def set_thresholds(self, expected_run_length_s: float, threshold_scale: float) -> None:
        """Judge by these from the next frame on, as ``DriftSettings`` says; what the test has gathered stays.

        Raises:
            ConfigurationError: one is not a finite number above 0.
        """
        self._settings = replace(
            self._settings, expected_run_length_s=expected_run_length_s, threshold_scale=threshold_scale
        )
        self._threshold = self.reference.run_lengths.threshold(expected_run_length_s * self.reference.rate_hz)
        self._warn_threshold = self.reference.warn_threshold * threshold_scale
        self._error_threshold = self.reference.error_threshold * threshold_scale

    @property
    def failure(self) -> str:
        """Empty: there is a reference. See ``CollectingDetector.failure``."""
        return ""

    def update(self, embedding: np.ndarray, stamp_ns: int) -> DriftResult:
        """The judgement of a frame.

        Args:
            embedding: (D,) from ``embed``.
            stamp_ns: the frame's stamp.
        """
        finite = bool(np.isfinite(embedding).all())
        score = self.reference.score(embedding) if finite else self._error_threshold
        state = self._judge(score if finite else None, stamp_ns)
        if state != self._state or self._last_ns is None:
            self._state, self._since_ns = state, stamp_ns
        self._last_ns = stamp_ns
        p_value = self.reference.p_value(score if finite else math.inf)
        weather = NO_ESTIMATE
        if finite and self._estimate_weather is not None:
            weather = self._estimate_weather(embedding, self.reference, p_value)
        return DriftResult(
            score=score,
            method=self.reference.method,
            p_value=p_value,
            warn_threshold=self._warn_threshold,
            error_threshold=self._error_threshold,
            state=state,
            state_since_ns=self._since_ns,
            reference_id=self.reference.reference_id,
            model_id=self.reference.model_id,
            sequential_statistic=self._statistic,
            sequential_threshold=self._threshold,
            expected_run_length_s=self._settings.expected_run_length_s,
            region_rows=ROWS if finite else 0,
            region_columns=COLUMNS if finite else 0,
            region_scores=tuple(self.reference.region_scores(embedding).tolist()) if finite else (),
            causes=weather.causes,
            visibility_m=weather.visibility_m,
            visibility_std_m=weather.visibility_std_m,
        )

    def _start_anew(self) -> None:
        self._statistic = 0.0
        self._is_alarming = False
        self._recent_score: float | None = None

    def _judge(self, score: float | None, stamp_ns: int) -> DriftState:
        """The state after a frame with that score, None where it has none."""
        elapsed_s = (stamp_ns - self._last_ns) * 1e-9 if self._last_ns is not None else math.inf
        max_gap_s = longest_gap(self._max_gap_s, self._intervals_s) if self._intervals_s else self._max_gap_s
        is_restart = self._last_ns is not None and not 0.0 <= elapsed_s <= max_gap_s
        if 0.0 < elapsed_s < math.inf:
            self._intervals_s.append(elapsed_s)
        if is_restart:
            self._start_anew()
            self._restarted_ns = stamp_ns
        if score is not None:
            self._advance(score, 1.0 if is_restart else min(elapsed_s * self.reference.rate_hz, 1.0))
        if self._standing.is_stale(stamp_ns):
            return DriftState.STALE
        if score is None:
            return DriftState.ERROR
        if stamp_ns == self._restarted_ns or not self.reference.is_conclusive:
            return DriftState.UNKNOWN
        if not self._is_alarming:
            return DriftState.NOMINAL
        return DriftState.ERROR if self._is_severe() else DriftState.WARN

    def _advance(self, score: float, weight: float) -> None:
        excess = min(self.reference.normal_score(score) - ALLOWANCE, self._threshold * _LARGEST_STEP)
        step = weight * excess
        self._statistic = min(max(self._statistic + step, 0.0), _CEILING * self._threshold)
        self._is_alarming = self._statistic >= (CLEARED if self._is_alarming else 1.0) * self._threshold
        if self._recent_score is None:
            self._recent_score = score
        self._recent_score += (score - self._recent_score) * weight / _RECENT_FRAMES

    def _is_severe(self) -> bool:
        """Whether recent scores are those of an ERROR; it begins at its threshold and ends half-way to WARN's."""
        threshold = self._error_threshold
        if self._state == DriftState.ERROR:
            threshold = (threshold + self._warn_threshold) / 2
        return self._recent_score is not None and self._recent_score >= threshold
