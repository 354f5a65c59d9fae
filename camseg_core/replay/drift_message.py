"""A drift judgement as ``camseg_ros/msg/EmbeddingDrift`` has it, and back; for rclpy's and rosbags' messages alike."""

import math
from typing import Any

from camseg_core.frames import DriftResult, DriftState

DRIFT_TYPE = "camseg_ros/msg/EmbeddingDrift"
NS_PER_S = 1_000_000_000


def drift_fields(drift: DriftResult, camera: str, latency_s: float) -> dict[str, Any]:
    """The message's fields but ``header`` and ``state_since``, which are messages themselves.

    Args:
        drift: the judgement.
        camera: which camera was judged.
        latency_s: seconds from the camera's stamp to publishing; NaN where nothing was published.
    """
    knows_visibility = math.isfinite(drift.visibility_m)
    return {
        "camera_id": camera,
        "model_id": drift.model_id,
        "reference_id": drift.reference_id,
        "score": float(drift.score),
        "method": drift.method,
        "p_value": float(drift.p_value),
        "warn_threshold": float(drift.warn_threshold),
        "error_threshold": float(drift.error_threshold),
        "sequential_statistic": float(drift.sequential_statistic),
        "sequential_threshold": float(drift.sequential_threshold),
        "expected_run_length_s": float(drift.expected_run_length_s),
        "state": int(drift.state),
        "region_rows": drift.region_rows,
        "region_columns": drift.region_columns,
        "region_scores": [float(score) for score in drift.region_scores],
        "cause_labels": list(drift.causes),
        "cause_probabilities": [float(probability) for probability in drift.causes.values()],
        "visibility_m": float(drift.visibility_m),
        "visibility_std_m": float(drift.visibility_std_m),
        "visibility_definition": "meteorological optical range, 5 % contrast" if knows_visibility else "",
        "latency_s": float(latency_s),
    }


def drift_result(message: Any) -> DriftResult:
    """The judgement in a message; numbers that the message holds in 32 bits come back rounded to them."""
    since = message.state_since
    return DriftResult(
        score=message.score,
        method=message.method,
        p_value=message.p_value,
        warn_threshold=message.warn_threshold,
        error_threshold=message.error_threshold,
        state=DriftState(message.state),
        state_since_ns=since.sec * NS_PER_S + since.nanosec,
        reference_id=message.reference_id,
        model_id=message.model_id,
        sequential_statistic=message.sequential_statistic,
        sequential_threshold=message.sequential_threshold,
        expected_run_length_s=message.expected_run_length_s,
        region_rows=message.region_rows,
        region_columns=message.region_columns,
        region_scores=tuple(float(score) for score in message.region_scores),
        causes={
            label: float(probability)
            for label, probability in zip(message.cause_labels, message.cause_probabilities, strict=True)
        },
        visibility_m=message.visibility_m,
        visibility_std_m=message.visibility_std_m,
    )
