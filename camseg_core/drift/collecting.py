"""A camera without a reference: its first frames are taken for clear ones."""

import logging
import math
from dataclasses import replace

import numpy as np

from camseg_core.drift.detector import DriftDetector, WeatherEstimator
from camseg_core.drift.fitting import fit_reference
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.scores import DEFAULT_SCORE
from camseg_core.drift.settings import DriftSettings
from camseg_core.drift.stamps import StandingStamps, longest_gap, usual_interval
from camseg_core.errors import DriftReferenceError
from camseg_core.frames import DriftResult, DriftState

MAX_FIT_FRAMES = 250
"""Bounds the fit, which happens between two frames, to about a second; neighbours of a few minutes are alike."""

MAX_COLLECTED_FRAMES = 12_000
"""Bounds memory; a longer collection keeps every second frame, then every fourth, and so on."""

_DRIVE_PARTS = 4
"""Stretches of the collection that are held out in turn."""


class CollectingDetector:
    """Collects the frames of one camera, fits a reference on them, then judges by it like ``DriftDetector``.

    Until the fit the state is UNKNOWN, or STALE while stamps stand still, the score 0 and the p-value 1: nothing
    strange is known of any frame. Frames that are not finite are left out of the collection. A stamp that jumps back
    begins it again, and so does one that comes too long after the last: a clock that is set while frames are collected
    says nothing of how long that took. Where the fit fails, as with a camera that always sends the same frame, the
    reason is logged, ``failure`` tells it, and the collection begins again.

    Args:
        model_id, embedding_hash: of the model whose embeddings come; see ``DriftReference``.
        weather_shift: (D,) what weather adds to an embedding; None takes an even loss of contrast.
        settings: ``collect_s`` says how long to collect, ``max_gap_s`` what is too long between two frames; here, as
            the rate is not known beforehand, MAX_GAP_FRAMES are of those collected.
        estimate_weather: see ``DriftDetector``.
    """

    def __init__(
        self,
        model_id: str,
        embedding_hash: str = "",
        weather_shift: np.ndarray | None = None,
        settings: DriftSettings | None = None,
        estimate_weather: WeatherEstimator | None = None,
    ) -> None:
        self._model_id = model_id
        self._embedding_hash = embedding_hash
        self._weather_shift = weather_shift
        self._settings = settings or DriftSettings()
        self._estimate_weather = estimate_weather
        self._detector: DriftDetector | None = None
        self._failure = ""
        self._embeddings: list[np.ndarray] = []
        self._stamps: list[int] = []
        self._seen, self._every = 0, 1
        self._standing = StandingStamps(self._settings.stale_frames)

    @property
    def reference(self) -> DriftReference | None:
        """What was fitted; None while frames are collected."""
        return None if self._detector is None else self._detector.reference

    @property
    def failure(self) -> str:
        """Why the last collection gave no reference; empty where it gave one, and before the first has ended."""
        return self._failure

    def set_thresholds(self, expected_run_length_s: float, threshold_scale: float) -> None:
        """See ``DriftDetector.set_thresholds``."""
        self._settings = replace(
            self._settings, expected_run_length_s=expected_run_length_s, threshold_scale=threshold_scale
        )
        if self._detector is not None:
            self._detector.set_thresholds(expected_run_length_s, threshold_scale)

    def update(self, embedding: np.ndarray, stamp_ns: int) -> DriftResult:
        """The judgement of a frame; see ``DriftDetector.update``."""
        if self._detector is not None:
            return self._detector.update(embedding, stamp_ns)
        if self._stamps and stamp_ns < self._stamps[-1]:
            self._begin()
        is_stale = self._standing.is_stale(stamp_ns)
        self._seen += 1
        if np.isfinite(embedding).all() and self._seen % self._every == 0:
            self._embeddings.append(embedding)
            self._stamps.append(stamp_ns)
        if len(self._stamps) > MAX_COLLECTED_FRAMES:
            self._embeddings, self._stamps = self._embeddings[::2], self._stamps[::2]
            self._every *= 2
        is_long_enough = self._stamps and self._stamps[-1] - self._stamps[0] >= self._settings.collect_s * 1e9
        if is_long_enough and not self._begin_after_gap():
            detector = self._detector = self._fit()
            self._begin()
            if detector is not None:
                return detector.update(embedding, stamp_ns)
        return DriftResult(
            score=0.0,
            method=DEFAULT_SCORE,
            p_value=1.0,
            warn_threshold=math.nan,
            error_threshold=math.nan,
            state=DriftState.STALE if is_stale else DriftState.UNKNOWN,
            state_since_ns=self._stamps[0] if self._stamps and not is_stale else stamp_ns,
            reference_id="",
            model_id=self._model_id,
            expected_run_length_s=self._settings.expected_run_length_s,
        )

    def _begin(self) -> None:
        self._embeddings, self._stamps = [], []
        self._seen, self._every = 0, 1

    def _intervals_s(self) -> np.ndarray:
        """Between those kept frames of the collection whose stamps differ, seconds."""
        intervals_ns = np.diff(self._stamps)
        return intervals_ns[intervals_ns > 0] * 1e-9

    def _begin_after_gap(self) -> bool:
        """Forgets what was collected before the last gap; says whether there was one.

        Gaps are looked for when the collection seems long enough, not as they come: after two frames nobody knows
        whether the camera is slow or has paused.
        """
        max_gap_s = longest_gap(self._settings.max_gap_s, self._intervals_s())
        (gaps,) = np.nonzero(np.diff(self._stamps) > max_gap_s * 1e9)
        if not len(gaps):
            return False
        first = int(gaps[-1]) + 1
        self._embeddings, self._stamps = self._embeddings[first:], self._stamps[first:]
        return True

    def _fit(self) -> DriftDetector | None:
        seconds = (self._stamps[-1] - self._stamps[0]) * 1e-9
        try:
            reference = fit_reference(
                np.array_split(np.stack(self._embeddings), _DRIVE_PARTS),
                self._model_id,
                self._embedding_hash,
                # Of the frames that were kept: the run lengths count those, and a detector that were told the camera's
                # own rate would let each frame between them count as one of them and alarm several times too often.
                rate_hz=1.0 / usual_interval(self._intervals_s()),
                weather_shift=self._weather_shift,
                max_frames=MAX_FIT_FRAMES,
            )
        except DriftReferenceError as error:
            self._failure = f"no drift reference from {seconds:.0f} s of frames: {error}"
            logging.getLogger(__name__).warning(self._failure)
            return None
        self._failure = ""
        return DriftDetector(reference, self._settings, self._estimate_weather)
