"""What ``/diagnostics`` says about the node and each of its cameras."""

import math
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from camseg_core.drift.settings import CLEARED
from camseg_core.frames import DriftResult, DriftState
from camseg_ros.timing import TIMES, FrameTiming, TimingWindow
from camseg_ros.work_times import WorkTimes
from camseg_ros.worker import FrameCounts, Outcome


@dataclass(frozen=True)
class CameraFacts:
    """What does not change while the node runs.

    Attributes:
        node: name of the node.
        camera: which camera it is.
        topic: where its images come from.
        model_id: the model that segments.
        device: where it infers.
    """

    node: str
    camera: str
    topic: str
    model_id: str
    device: str


class CameraMonitor:
    """Keeps the newest facts of a camera; may be told and asked from different threads. Times are monotonic.

    Args:
        facts: of the camera.
        work: of the worker that serves it.
    """

    def __init__(self, facts: CameraFacts, work: WorkTimes) -> None:
        self._facts = facts
        self._work = work
        self._lock = threading.Lock()
        self._received_at_s: float | None = None
        # Since when a result is waited for: the first frame after the last result, or the last taken into work.
        self._waits_since_s: float | None = None
        self._dropped_in_vain: Counter[Outcome] = Counter()
        self._drift: DriftResult | None = None
        self._has_reference = False
        self._failure = ""
        self._timings = TimingWindow()

    def begin(self) -> None:
        """From now on frames are segmented: those that came before are not waited for, their drift holds no longer."""
        with self._lock:
            self._begin_to_wait()
            self._failure = ""
            self._drift = None  # but not whether there is a reference, which the engine keeps
            self._timings = TimingWindow()

    def frame_received(self, now_s: float) -> None:
        """A frame arrived."""
        with self._lock:
            self._received_at_s = now_s
            if self._waits_since_s is None:
                self._waits_since_s = now_s

    def frame_dropped(self, reason: Outcome) -> None:
        """A frame was dropped instead of being segmented."""
        with self._lock:
            if reason is Outcome.DROPPED_UNWATCHED:  # nobody waits for a result, nor for a failed one to be made good
                self._begin_to_wait()
                self._failure = ""
            else:
                self._dropped_in_vain[reason] += 1

    def frame_taken(self, now_s: float) -> None:
        """A frame is being segmented."""
        with self._lock:
            # Of a camera whose frames are rare the one before may have been dropped long ago.
            self._waits_since_s = now_s

    def frame_published(self, drift: DriftResult, timing: FrameTiming) -> None:
        """A frame's results were published."""
        with self._lock:
            self._begin_to_wait()
            self._drift = drift
            self._has_reference = bool(drift.reference_id)
            self._failure = ""
            self._timings.add(timing)

    def frame_failed(self, reason: str) -> None:
        """A frame could not be read or segmented; holds until the next one that can."""
        with self._lock:
            self._failure = reason

    def latency_p50_ms(self) -> float:
        """Median time from camera stamp to publishing over the newest frames since ``begin``, ms; NaN for none."""
        with self._lock:
            return self._timings.median_ms("pipeline_latency_ms")

    def status(
        self,
        counts: FrameCounts,
        *,
        is_active: bool,
        is_wanted: bool,
        collection_failure: str,
        stale_after_s: float,
        now_s: float,
    ) -> DiagnosticStatus:
        """The status now.

        STALE without a frame for too long; ERROR where the newest frame failed; else the drift state's level, which is
        STALE too while the stamps of the frames do not advance, and OK for UNKNOWN and NOMINAL; but WARN where frames
        were collected for a drift reference in vain.

        ERROR too where frames come and are wanted, but none was segmented for too long: all were dropped, as too old
        or because the one in work does not end. Whoever drives by the masks has none, as with frames that fail, so
        it is no mere warning. Too long is ``stale_after_s``, and as much more as batches may take that were in work
        meanwhile (``WorkTimes``): a model that takes ten seconds for each frame is slow, not broken.

        Args:
            counts: of the worker.
            is_active: whether the node is active; otherwise it hears no frames.
            is_wanted: whether the camera's frames are inferred.
            collection_failure: why the frames collected last gave no drift reference; empty where they did.
            stale_after_s: time without a frame after which the camera is stale, and without a result after which that
                is an error, seconds.
            now_s: of the clock that ``frame_received`` was told.
        """
        with self._lock:
            if is_active:
                level, message, drift_state = self._judge(is_wanted, collection_failure, stale_after_s, now_s)
            else:
                level, message, drift_state = DiagnosticStatus.OK, "the node is inactive", DriftState.UNKNOWN
            drift = self._drift
            medians_ms = {name: self._timings.median_ms(name) for name in TIMES}
            failure = self._failure
        values = {
            "topic": self._facts.topic,
            "received": counts.received,
            "processed": counts.processed,
            "dropped": counts.dropped,
            "dropped_busy": counts.dropped_busy,
            "dropped_stale": counts.dropped_stale,
            "dropped_unwatched": counts.dropped_unwatched,
            "dropped_stopped": counts.dropped_stopped,
            "failed": counts.failed,
            "pending": counts.pending,
            **{name.replace("_ms", "_p50_ms"): format_ms(value) for name, value in medians_ms.items()},
            "drift_state": drift_state.name,
            "drift_score": format_score(drift.score) if drift else "-",
            "drift_warn_threshold": format_score(drift.warn_threshold) if drift else "-",
            "drift_error_threshold": format_score(drift.error_threshold) if drift else "-",
            "drift_collection_failure": collection_failure,
            "drift_cause": format_cause(drift) if drift else "-",
            "visibility_m": format_score(drift.visibility_m) if drift else "-",
            "model_id": self._facts.model_id,
            "device": self._facts.device,
            "last_failure": failure,
        }
        return make_status(level, f"{self._facts.node}: {self._facts.camera}", message, self._facts.camera, values)

    def _judge(
        self, is_wanted: bool, collection_failure: str, stale_after_s: float, now_s: float
    ) -> tuple[bytes, str, DriftState]:
        drift_state = self._drift.state if self._drift else DriftState.UNKNOWN
        if self._received_at_s is None:
            return DiagnosticStatus.STALE, f"no frame yet on {self._facts.topic}", drift_state
        age_s = now_s - self._received_at_s
        if age_s > stale_after_s:
            return DiagnosticStatus.STALE, f"no frame for {age_s:.1f} s on {self._facts.topic}", DriftState.STALE
        if self._failure:
            return DiagnosticStatus.ERROR, self._failure, drift_state
        if not is_wanted:
            return DiagnosticStatus.OK, "idle: nobody subscribes to an output", DriftState.UNKNOWN
        if (waited_s := self._waited_in_vain_s(stale_after_s, now_s)) is not None:
            stale, busy = (self._dropped_in_vain[why] for why in (Outcome.DROPPED_STALE, Outcome.DROPPED_BUSY))
            message = f"no frame segmented for {waited_s:.1f} s: {stale} dropped as stale, {busy} as busy"
            return DiagnosticStatus.ERROR, message, DriftState.STALE if self._drift else DriftState.UNKNOWN
        if self._drift and drift_state == DriftState.ERROR:
            return DiagnosticStatus.ERROR, _drift_message(self._drift), drift_state
        if self._drift and drift_state == DriftState.WARN:
            return DiagnosticStatus.WARN, _drift_message(self._drift), drift_state
        if drift_state == DriftState.STALE:
            # Frames do come, so their age does not tell of a camera that repeats itself or a clock that stands still.
            return DiagnosticStatus.STALE, f"stamps do not advance on {self._facts.topic}", drift_state
        if collection_failure:
            return DiagnosticStatus.WARN, f"segmenting, drift {drift_state.name}: {collection_failure}", drift_state
        return DiagnosticStatus.OK, f"segmenting, drift {drift_state.name}", drift_state

    def _begin_to_wait(self) -> None:
        """Waits for a result from the next frame on."""
        self._waits_since_s = None
        self._dropped_in_vain.clear()

    def _waited_in_vain_s(self, stale_after_s: float, now_s: float) -> float | None:
        """How long a result has been waited for, seconds; None where that is not too long."""
        if self._waits_since_s is None:
            return None
        # A reference is fitted while a frame is in work, and until then no result names one.
        allowance_s = self._work.allowance_s(self._waits_since_s, may_be_long=not self._has_reference)
        waited_s = now_s - self._waits_since_s
        return waited_s if waited_s > stale_after_s + allowance_s else None


def node_status(node: str, state: str, failure: str) -> DiagnosticStatus:
    """What diagnostics say of the node itself.

    Args:
        node: its name.
        state: its lifecycle state.
        failure: why its last transition failed; empty where it did not.
    """
    level = DiagnosticStatus.ERROR if failure else DiagnosticStatus.OK
    values = {"state": state, "last_failure": failure}
    return make_status(level, f"{node}: lifecycle", failure or state, node, values)


def make_status(level: bytes, name: str, message: str, hardware_id: str, values: Mapping[str, Any]) -> DiagnosticStatus:
    """A status whose values are shown as text."""
    pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
    return DiagnosticStatus(level=level, name=name, message=message, hardware_id=hardware_id, values=pairs)


def _drift_message(drift: DriftResult) -> str:
    """What a state of WARN or ERROR comes from: WARN from the test over time, where there is one."""
    statistic, threshold = drift.sequential_statistic, drift.sequential_threshold
    if drift.state == DriftState.WARN and math.isfinite(statistic):
        # An alarm outlasts its threshold, so that it does not flicker.
        bounds = f"threshold {threshold:.3g}, ends below {CLEARED * threshold:.3g}"
        return f"drift WARN: sequential statistic {statistic:.3g}, {bounds}"
    threshold = drift.warn_threshold if drift.state == DriftState.WARN else drift.error_threshold
    return f"drift {drift.state.name}: {drift.method} score {drift.score:.3g}, threshold {threshold:.3g}"


def format_ms(milliseconds: float) -> str:
    """With one decimal, "-" for NaN."""
    return f"{milliseconds:.1f}" if math.isfinite(milliseconds) else "-"


def format_score(score: float) -> str:
    """A drift score, threshold or visibility, "-" for NaN."""
    return f"{score:.6g}" if math.isfinite(score) else "-"


def format_cause(drift: DriftResult) -> str:
    """The likeliest cause and its probability, "-" where none is estimated."""
    if not drift.causes:
        return "-"
    cause = max(drift.causes, key=lambda name: drift.causes[name])
    return f"{cause} {drift.causes[cause]:.2f}"
