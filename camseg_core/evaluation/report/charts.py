"""The geometry of the report's charts, in the pixels of an SVG; the template draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from camseg_core.evaluation.report.run import Run

WIDTH_PX, HEIGHT_PX = 960, 280
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 56, 96, 26, 40


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Band:
    """A stretch of time with one true weather."""

    x: float
    width: float
    name: str


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
    """Drift score over time, the true weather behind it and the thresholds across it."""

    points: tuple[Point, ...]
    bands: tuple[Band, ...]
    thresholds: tuple[Mark, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


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


def drift_chart(run: Run) -> DriftChart | None:
    """The drift score over time; None where no frame was judged."""
    judged = run.judged()
    if not judged:
        return None
    _, last = judged[-1]
    levels = {"warn": last.warn_threshold, "error": last.error_threshold}
    levels = {name: level for name, level in levels.items() if math.isfinite(level)}
    highest = max([reading.score for _, reading in judged] + list(levels.values())) * 1.08 or 1.0
    period_s = _period_s(run)
    end_s = run.seconds(run.frames[-1]) + period_s
    x, y = _x_scale(0.0, end_s), _y_scale(highest)
    return DriftChart(
        points=tuple(
            Point(x(run.seconds(frame)), y(reading.score), reading.state.name.lower()) for frame, reading in judged
        ),
        bands=_weather_bands(run, x, end_s),
        thresholds=tuple(Mark(y(level), name, f"{name} {level:.3g}") for name, level in levels.items()),
        x_ticks=x.ticks(tick_values(0.0, end_s, 10)),
        y_ticks=y.ticks(tick_values(0.0, highest, 5)),
    )


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


def _period_s(run: Run) -> float:
    """Median time from one frame to the next; 1 s where there is a single frame."""
    stamps_s = [run.seconds(frame) for frame in run.frames]
    return float(np.median(np.diff(stamps_s))) if len(stamps_s) > 1 else 1.0


def _weather_bands(run: Run, x: _Scale, end_s: float) -> tuple[Band, ...]:
    """One band for each run of frames with the same true weather; each lasts until the next begins."""
    starts = []
    for name, frames in groupby(run.frames, key=lambda frame: frame.weather.kind if frame.weather else None):
        starts.append((name, run.seconds(next(frames))))
    ends = [start for _, start in starts[1:]] + [end_s]
    return tuple(
        Band(x(start), x(end) - x(start), name)
        for (name, start), end in zip(starts, ends, strict=True)
        if name is not None
    )
