"""The table of a replay, one row a frame, as Parquet."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from camseg_core.replay.journal import FrameEntry

_ROWS_AT_ONCE = 4096

SCHEMA = pa.schema(
    [
        ("number", pa.int64()),
        ("camera", pa.string()),
        ("stamp_ns", pa.int64()),
        ("received_ns", pa.int64()),
        ("frame_id", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("drift_score", pa.float64()),
        ("drift_method", pa.string()),
        ("drift_p_value", pa.float64()),
        ("drift_warn_threshold", pa.float64()),
        ("drift_error_threshold", pa.float64()),
        ("drift_state", pa.string()),
        ("drift_state_since_ns", pa.int64()),
        ("drift_sequential_statistic", pa.float64()),
        ("drift_sequential_threshold", pa.float64()),
        ("drift_expected_run_length_s", pa.float64()),
        ("drift_region_rows", pa.int32()),
        ("drift_region_columns", pa.int32()),
        ("drift_region_scores", pa.list_(pa.float64())),
        ("drift_causes", pa.map_(pa.string(), pa.float64())),
        ("visibility_m", pa.float64()),
        ("visibility_std_m", pa.float64()),
        ("model_id", pa.string()),
        ("reference_id", pa.string()),
        ("miou", pa.float64()),
        ("pixel_accuracy", pa.float64()),
        ("latency_s", pa.float64()),
    ]
)
"""Columns: those of ``FrameEntry``, ``DriftResult`` and ``FrameMetrics``. Null: not estimated, or no labels.

``number`` is the frame's place among all images read; ``latency_s`` is null where nothing was sent to a node.
"""


@dataclass(frozen=True)
class FrameMetrics:
    """How right one mask is: mean IoU over the classes that occur in it or its labels, share of right pixels."""

    miou: float
    pixel_accuracy: float


def write_table(path: Path, entries: Iterable[FrameEntry], metrics: Mapping[int, FrameMetrics]) -> None:
    """Writes the rows in the order of ``entries``; ``metrics`` are by the number of the frame."""
    rows = (_row(entry, metrics.get(entry.number)) for entry in entries)
    with parquet.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for part in _batches(rows):
            writer.write_table(pa.Table.from_pylist(part, SCHEMA))


def _row(entry: FrameEntry, metrics: FrameMetrics | None) -> dict[str, Any]:
    drift = entry.drift
    height, width = entry.labels.shape
    return {
        "number": entry.number,
        "camera": entry.camera,
        "stamp_ns": entry.stamp_ns,
        "received_ns": entry.received_ns,
        "frame_id": entry.frame_id,
        "height": height,
        "width": width,
        "drift_score": _known(drift.score),
        "drift_method": drift.method,
        "drift_p_value": _known(drift.p_value),
        "drift_warn_threshold": _known(drift.warn_threshold),
        "drift_error_threshold": _known(drift.error_threshold),
        "drift_state": drift.state.name,
        "drift_state_since_ns": drift.state_since_ns,
        "drift_sequential_statistic": _known(drift.sequential_statistic),
        "drift_sequential_threshold": _known(drift.sequential_threshold),
        "drift_expected_run_length_s": _known(drift.expected_run_length_s),
        "drift_region_rows": drift.region_rows,
        "drift_region_columns": drift.region_columns,
        "drift_region_scores": list(drift.region_scores),
        "drift_causes": list(drift.causes.items()),
        "visibility_m": _known(drift.visibility_m),
        "visibility_std_m": _known(drift.visibility_std_m),
        "model_id": drift.model_id,
        "reference_id": drift.reference_id,
        "miou": None if metrics is None else _known(metrics.miou),
        "pixel_accuracy": None if metrics is None else _known(metrics.pixel_accuracy),
        "latency_s": entry.latency_s,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        yield part
