"""The numbers a run is judged by, each from plain lists."""

from collections.abc import Sequence

import numpy as np

PERCENTILES = (50, 95, 99)


def latency_percentiles(latencies_ms: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99, linearly interpolated between order statistics; all None where there are no latencies."""
    if not latencies_ms:
        return {f"p{percent}": None for percent in PERCENTILES}
    values = np.percentile(latencies_ms, PERCENTILES)
    return {f"p{percent}": float(value) for percent, value in zip(PERCENTILES, values, strict=True)}


def auroc(scores: Sequence[float], affected: Sequence[bool]) -> float | None:
    """Probability that an affected frame scores higher than a clear one, ties counted half (area under the ROC curve).

    Args:
        scores: one for each frame, finite.
        affected: whether the frame's true weather is other than clear.

    Returns:
        A fraction, or None where all frames are of one kind.
    """
    if len(set(affected)) < 2:
        return None
    from sklearn.metrics import roc_auc_score  # takes seconds to load, which nobody shall wait for before a run

    return float(roc_auc_score(list(affected), list(scores)))
