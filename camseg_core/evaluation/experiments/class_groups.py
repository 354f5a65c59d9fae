"""Groups of classes that are reported beside the mean of all: the mean hides what thin classes suffer."""

from collections.abc import Mapping

import numpy as np

THIN = frozenset(
    {
        "pole", "sign", "fence", "pedestrian", "bicyclist",
        "traffic light", "traffic sign", "person", "rider", "motorcycle", "bicycle",
    }
)  # fmt: skip
"""Classes a few pixels wide or seldom seen, by their names in CamVid and Cityscapes; all others count as frequent."""


def group_means(per_class: Mapping[str, float]) -> dict[str, float]:
    """Means over the ``frequent`` and the ``thin`` of a figure by class name, without NaN; NaN where none is left."""
    groups: dict[str, list[float]] = {"frequent": [], "thin": []}
    for name, value in per_class.items():
        groups["thin" if name in THIN else "frequent"].append(value)
    means = {}
    for group, values in groups.items():
        present = np.array(values)[~np.isnan(values)] if values else np.array([])
        means[group] = float(present.mean()) if present.size else float("nan")
    return means
