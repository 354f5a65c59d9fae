"""The geometry of the report's charts, in the pixels of an SVG; the template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from camseg_core.evaluation.report.run import DriftReading, FrameRecord, Run, Timeline

WIDTH_PX, HEIGHT_PX = 960, 280
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 56, 96, 26, 40

POINTS = 1200
"""More points than pixels across show nothing more."""

_LABEL_PX = 7.0
"""Width of a letter above a band."""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with something to say about it: its kind, for the colour, and a label."""

    start_s: float
    end_s: float
    kind: str
    label: str


@dataclass(frozen=True)
class Band:
    """A stretch on the chart; its label is empty where it would not fit."""

    x: float
    width: float
    kind: str
    label: str


@dataclass(frozen=True)
class Mark:
    """A labelled line across the chart, at a threshold or a percentile."""

    at: float
    name: str
    label: str


@dataclass(frozen=True)
class Point:
    """One frame's drift score, with the name of its state."""

    x: float
    y: float
    state: str


@dataclass(frozen=True)
class Bar:
    """One bin of a histogram."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class DriftChart:
    """Drift score over time, shaded stretches behind it and the thresholds across it.

    Each point is the highest of ``frames_per_point`` successive frames.
    """

    points: tuple[Point, ...]
    bands: tuple[Band, ...]
    thresholds: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    frames_per_point: int


@dataclass(frozen=True)
class LatencyChart:
    """Histogram of latencies with the percentiles across it."""

    bars: tuple[Bar, ...]
    percentiles: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


class _Scale:
    """Linear map from values to pixels along one axis."""

    def __init__(self, low: float, high: float, start_px: float, end_px: float) -> None:
        self._low, self._start_px = low, start_px
        self._px_per_unit = (end_px - start_px) / (high - low)

    def __call__(self, value: float) -> float:
        return round(self._start_px + (value - self._low) * self._px_per_unit, 2)

    def ticks(self, values: Sequence[float]) -> tuple[Tick, ...]:
        return tuple(Tick(self(value), f"{value:g}") for value in values)


def tick_values(low: float, high: float, count: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high], about ``count`` of them."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(number * step, 12) for number in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def drift_chart(run: Timeline, stretches: Sequence[Stretch]) -> DriftChart | None:
    """The drift score over time, with stretches shaded; None where no frame was judged."""
    judged = run.judged()
    if not judged:
        return None
    _, last = judged[-1]
    levels = {"warn": last.warn_threshold, "error": last.error_threshold}
    levels = {name: level for name, level in levels.items() if math.isfinite(level)}
    highest = max([reading.score for _, reading in judged] + list(levels.values())) * 1.08 or 1.0
    stamps_s = [run.seconds(frame) for frame in run.frames]
    start_s, end_s = min(stamps_s), max(stamps_s) + _period_s(run)
    x, y = _x_scale(start_s, end_s), _y_scale(highest)
    frames_per_point = math.ceil(len(judged) / POINTS)
    return DriftChart(
        points=tuple(
            Point(x(run.seconds(frame)), y(reading.score), reading.state.name.lower())
            for frame, reading in _highest_of_each(judged, frames_per_point)
        ),
        bands=tuple(_band(stretch, x) for stretch in stretches),
        thresholds=tuple(Mark(y(level), name, f"{name} {level:.3g}") for name, level in levels.items()),
        x_ticks=x.ticks(tick_values(start_s, end_s, 10)),
        y_ticks=y.ticks(tick_values(0.0, highest, 5)),
        frames_per_point=frames_per_point,
    )


def weather_stretches(run: Run) -> list[Stretch]:
    """One for each series of frames with the same true weather, if it is known.

    It lasts until the next begins, or until its own latest frame where the stamps jump back after it.
    """
    series = [
        (name, [run.seconds(frame) for frame in frames])
        for name, frames in groupby(run.frames, key=lambda frame: frame.weather.kind if frame.weather else None)
    ]
    ends = [stamps_s[0] for _, stamps_s in series[1:]] + [run.seconds(run.frames[-1]) + _period_s(run)]
    return [
        Stretch(min(stamps_s), max(*stamps_s, end), name, name)
        for (name, stamps_s), end in zip(series, ends, strict=True)
        if name is not None
    ]


def latency_chart(run: Run, percentiles: dict[str, float | None]) -> LatencyChart | None:
    """The histogram of the frames' latencies; None where no mask arrived."""
    latencies_ms = [ms for frame in run.frames if (ms := frame.latency_ms) is not None]
    if not latencies_ms:
        return None
    bins = min(40, max(8, round(math.sqrt(len(latencies_ms)) * 2)))
    counts, edges = np.histogram(latencies_ms, bins=bins)
    low, high = float(edges[0]), float(edges[-1])
    x, y = _x_scale(low, high), _y_scale(float(counts.max()) * 1.08)
    bars = tuple(
        Bar(x(a), y(count), x(b) - x(a), y(0.0) - y(count), f"{count} frames, {a:.1f} to {b:.1f} ms")
        for count, a, b in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    )
    return LatencyChart(
        bars=bars,
        percentiles=tuple(
            Mark(x(ms), name, f"{name} {ms:.0f} ms") for name, ms in percentiles.items() if ms is not None
        ),
        x_ticks=x.ticks(tick_values(low, high, 10)),
        y_ticks=y.ticks([value for value in tick_values(0.0, float(counts.max()), 4) if value == int(value)]),
    )


def _x_scale(low: float, high: float) -> _Scale:
    return _Scale(low, high, LEFT_PX, WIDTH_PX - RIGHT_PX)


def _y_scale(high: float) -> _Scale:
    return _Scale(0.0, high, HEIGHT_PX - BOTTOM_PX, TOP_PX)


def _band(stretch: Stretch, x: _Scale) -> Band:
    start, end = x(stretch.start_s), x(stretch.end_s)
    fits = len(stretch.label) * _LABEL_PX <= end - start
    return Band(start, end - start, stretch.kind, stretch.label if fits else "")


def _highest_of_each(
    judged: Sequence[tuple[FrameRecord, DriftReading]], count: int
) -> list[tuple[FrameRecord, DriftReading]]:
    """Of every ``count`` successive frames the one with the highest score: a peak is never left out."""
    groups = (judged[start : start + count] for start in range(0, len(judged), count))
    return [max(group, key=lambda pair: pair[1].score) for group in groups]


def _period_s(run: Timeline) -> float:
    """Median time from one frame to the next; 1 s where none is later than the one before."""
    steps_s = np.diff([run.seconds(frame) for frame in run.frames])
    # Stamps that stand still or jump back are no period: an axis that ended by them would have no length, or less.
    forward_s = steps_s[steps_s > 0.0]
    return float(np.median(forward_s)) if len(forward_s) else 1.0
