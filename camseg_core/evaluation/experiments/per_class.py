"""A figure of each class for each of several variants, as a table and as a plot."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from camseg_core.evaluation.experiments.class_groups import THIN, group_means
from camseg_core.evaluation.experiments.publication import Table

PerClass = Mapping[str, Mapping[str, float]]
"""Fractions by variant and class name; NaN for a class without one. All variants have the same classes."""


def per_class_table(title: str, variant: str, values: PerClass) -> Table:
    """A row for each variant in %: mean, mean of the thin classes, every class; ``variant`` heads the first column."""
    rows = tuple((name, *row) for name, row in zip(values, _percent(values).tolist(), strict=True))
    return Table(title, (variant, *_columns(values)), rows, digits=1)


def per_class_plot(values: PerClass, label: str) -> Figure:
    """The same as a map of colours with the numbers in it; ``label`` says what they are."""
    numbers, columns = _percent(values), _columns(values)
    figure = Figure(figsize=(2.4 + 0.55 * len(columns), 1.1 + 0.36 * len(numbers)), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(numbers, cmap="Blues", vmin=0.0, vmax=100.0, aspect="auto")
    for (row, column), value in np.ndenumerate(numbers):
        if not np.isnan(value):
            color = "white" if value > 60.0 else "black"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=color)
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=8)
    axes.set_yticks(range(len(numbers)), list(values), fontsize=8)
    # Means stand apart from the classes.
    axes.axvline(1.5, color="black", linewidth=0.8)
    figure.colorbar(picture, label=f"{label}, %", fraction=0.03, pad=0.02)
    return figure


def thin_classes(values: PerClass) -> str:
    """The thin ones among the classes, in words."""
    return ", ".join(name for name in _classes(values) if name in THIN)


def _classes(values: PerClass) -> tuple[str, ...]:
    return tuple(next(iter(values.values())))


def _columns(values: PerClass) -> tuple[str, ...]:
    return ("mean", "thin", *_classes(values))


def _percent(values: PerClass) -> np.ndarray:
    """(variants, 2 + classes): mean, mean of the thin classes, classes."""
    rows = []
    for row in values.values():
        present = [value for value in row.values() if not np.isnan(value)]
        mean = sum(present) / len(present) if present else float("nan")
        rows.append([mean, group_means(row)["thin"], *row.values()])
    return 100.0 * np.array(rows)
