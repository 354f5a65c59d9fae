"""The plots of an evaluation, made without pyplot, which keeps state of its own."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from camseg_core.evaluation.detection.evaluation import Condition, DriftEvaluation, FrameSet
from camseg_core.evaluation.detection.metrics import roc_points
from camseg_core.evaluation.detection.sequences import CLEAR, JudgedSequence
from camseg_core.evaluation.detection.simulation import SimulatedScores
from camseg_core.frames import DriftResult, DriftState

DETECTOR_COLOR = "#b3122b"
BASELINE_COLORS = ("#4c72b0", "#dd8452", "#55a868", "#8172b3", "#937860", "#da8bc3", "#ccb974", "#64b5cd", "#2f4b7c")
CLEAR_COLOR = "#999999"
WEATHER_COLORS = {"fog": "#9aa5b1", "rain": "#6fa8dc", "snow": "#b4d7e8", "night": "#444466", "sand": "#d9a441"}
OTHER_WEATHER_COLOR = "#c5b0d5"
MAX_TIMELINES = 12
"""More would make a picture that nothing opens; frames.csv has all of them."""

STATE_COLORS = {
    DriftState.UNKNOWN: "#bbbbbb",
    DriftState.NOMINAL: "#2e8b57",
    DriftState.WARN: "#e6a117",
    DriftState.ERROR: "#c4262e",
    DriftState.STALE: "#7f7f7f",
}


def roc_figure(evaluation: DriftEvaluation) -> Figure | None:
    """A panel for each condition: the detector's ROC curve and, thinner, those of everything else; None without any."""
    conditions = evaluation.conditions
    if not conditions:
        return None
    columns = min(3, len(conditions))
    rows = math.ceil(len(conditions) / columns)
    figure = Figure(figsize=(5.2 * columns, 4.8 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, condition) in zip(panels, conditions.items(), strict=False):
        _roc_panel(axes, name, evaluation.clear, condition)
    for axes in panels[len(conditions) :]:
        axes.set_axis_off()
    return figure


def _roc_panel(axes: Axes, name: str, clear: FrameSet, condition: Condition) -> None:
    others, adverse = clear.columns(), condition.frames.columns()
    for index, (color, (method, scores)) in enumerate(zip(_colors(len(others)), others.items(), strict=True)):
        fpr, tpr = roc_points(scores, adverse[method])
        label = f"{condition.methods[method].auroc:.3f}  {method}"
        # Where the colours begin again, no line shall look like another.
        style = ("-", "--", ":")[index // len(BASELINE_COLORS) % 3]
        axes.plot(fpr, tpr, color=color, linestyle=style, linewidth=1, label=label)
    fpr, tpr = roc_points(clear.scores(), condition.frames.scores())
    method = condition.frames.frames[0].result.method
    axes.plot(fpr, tpr, color=DETECTOR_COLOR, linewidth=2.4, label=f"{condition.metrics.auroc:.3f}  {method} (drift)")
    axes.axhline(0.95, color="#999999", linewidth=0.8, linestyle=":")
    axes.set(
        title=f"{name}: {len(condition.frames.frames)} frames against {len(clear.frames)} clear",
        xlabel="false positive rate",
        ylabel="true positive rate",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
    )
    axes.legend(loc="lower right", fontsize=7, title="AUROC", title_fontsize=7, reverse=True)


def severity_figure(evaluation: DriftEvaluation) -> Figure | None:
    """Score, and visibility where it is estimated, against severity, simulated and measured; None without either."""
    simulated = evaluation.simulated
    measured = [frames for frames in evaluation.frame_sets() if np.isfinite(frames.visibility_m()).any()]
    panels = len(simulated) + bool(measured) + sum(found.has_visibility for found in simulated.values())
    if not panels:
        return None
    figure = Figure(figsize=(5.6 * panels, 4.4), layout="constrained")
    axes = iter(figure.subplots(1, panels, squeeze=False)[0])
    judged = evaluation.clear.frames[0].result
    for name, found in simulated.items():
        _simulated_panel(next(axes), name, found, judged)
        if found.has_visibility:
            _visibility_panel(next(axes), found)
    if measured:
        _measured_panel(next(axes), measured, judged)
    return figure


def _simulated_panel(axes: Axes, name: str, found: SimulatedScores, judged: DriftResult) -> None:
    low, middle, high = np.quantile(found.scores, [0.05, 0.5, 0.95], axis=0)
    label = "5 to 95 % of the frames"
    axes.fill_between(found.severities, low, high, color=DETECTOR_COLOR, alpha=0.18, linewidth=0, label=label)
    axes.plot(found.severities, middle, color=DETECTOR_COLOR, marker="o", label="median")
    clear = float(np.median(found.clear))
    axes.axhline(clear, color=STATE_COLORS[DriftState.NOMINAL], linewidth=1, label="the same frames, clear")
    _threshold_lines(axes, judged)
    quantity = "visibility" if name == "fog" else name.replace("_", " ")
    axes.set(
        title=f"simulated {name.replace('_', ' ')}, {len(found.scores)} frames",
        xlabel=f"{quantity} ({found.weathers[0].unit})",
        ylabel="score",
        xscale="log",
    )
    _plain_log_ticks(axes, found.severities)
    if found.smaller_is_worse:
        axes.invert_xaxis()
    axes.legend(fontsize=7)


def _visibility_panel(axes: Axes, found: SimulatedScores) -> None:
    truth_m = np.tile(found.severities, (len(found.scores), 1))
    axes.plot(truth_m.ravel(), found.visibility_m.ravel(), "o", color="#4c72b0", alpha=0.35, markersize=4)
    ends = [found.severities.min(), found.severities.max()]
    axes.plot(ends, ends, color="#555555", linewidth=1, label="truth")
    axes.set(title="estimated visibility", xlabel="true (m)", ylabel="estimated (m)", xscale="log", yscale="log")
    _plain_log_ticks(axes, found.severities)
    axes.legend(fontsize=7)


def _measured_panel(axes: Axes, sets: Sequence[FrameSet], judged: DriftResult) -> None:
    names = [frames.name for frames in sets if frames.name != CLEAR]
    colors = dict(zip(names, _colors(len(names)), strict=True))
    for frames in sets:
        color = colors.get(frames.name, CLEAR_COLOR)
        axes.plot(
            frames.visibility_m(), frames.scores(), "o", color=color, markersize=3.5, alpha=0.6, label=frames.name
        )
    _threshold_lines(axes, judged)
    axes.set(title="measured visibility", xlabel="visibility (m)", ylabel="score", xscale="log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.invert_xaxis()
    axes.legend(fontsize=7)


def timeline_figure(evaluation: DriftEvaluation) -> Figure | None:
    """Score and state over time of the drives and of runs that are sequences, MAX_TIMELINES at most; None without."""
    sequences = [*evaluation.drives]
    sequences += [sequence for frames in evaluation.frame_sets() for sequence in frames.sequences()]
    sequences = sequences[:MAX_TIMELINES]
    if not sequences:
        return None
    figure = Figure(figsize=(11, 3.2 * len(sequences)), layout="constrained")
    for axes, sequence in zip(figure.subplots(len(sequences), 1, squeeze=False)[:, 0], sequences, strict=True):
        _timeline_panel(axes, sequence)
    return figure


def _timeline_panel(axes: Axes, sequence: JudgedSequence) -> None:
    """The true weather as shading, the score as dots in the colour of the state, the test over time as a line."""
    seconds, scores = sequence.seconds, sequence.scores
    named: set[str] = set()
    for segment in sequence.segments:
        if segment.weather == CLEAR:
            continue
        label = None if segment.weather in named else f"true {segment.weather}"
        named.add(segment.weather)
        color = WEATHER_COLORS.get(segment.weather, OTHER_WEATHER_COLOR)
        axes.axvspan(segment.start_s, segment.end_s, color=color, alpha=0.35, linewidth=0, label=label)
        if segment.delay_s is not None:
            axes.axvline(segment.start_s + segment.delay_s, color="#333333", linewidth=1, linestyle="-.")
    finite = np.isfinite(scores)
    for state in DriftState:
        chosen = finite & np.array([result.state == state for result in sequence.results])
        if chosen.any():
            label = f"score, {state.name}"
            axes.plot(seconds[chosen], scores[chosen], "o", color=STATE_COLORS[state], markersize=3, label=label)
    _threshold_lines(axes, sequence.results[-1])
    axes.set(title=sequence.name, xlabel="time (s)", ylabel="score", xlim=(0, max(seconds[-1], 1e-3)))
    # Room for the legend above the points.
    axes.set_ylim(0.0, 1.35 * axes.get_ylim()[1])
    statistic = np.array([result.sequential_statistic for result in sequence.results])
    if np.isfinite(statistic).any():
        beside = axes.twinx()
        beside.plot(seconds, statistic, color="#4c72b0", linewidth=1)
        threshold = sequence.results[-1].sequential_threshold
        if math.isfinite(threshold):
            beside.axhline(threshold, color="#4c72b0", linewidth=0.8, linestyle="--")
            beside.set_ylim(0, 4 * threshold)
        beside.set_ylabel("test over time", color="#4c72b0")
    axes.legend(loc="upper left", fontsize=7, ncols=4)


def _threshold_lines(axes: Axes, judged: DriftResult) -> None:
    for name, level in (("WARN", judged.warn_threshold), ("ERROR", judged.error_threshold)):
        if math.isfinite(level):
            axes.axhline(level, color=STATE_COLORS[DriftState[name]], linewidth=1, linestyle="--", label=name)


def _plain_log_ticks(axes: Axes, values: np.ndarray) -> None:
    """Ticks at the values that were tried, written out."""
    axes.set_xticks(values, [f"{value:g}" for value in values], minor=False)
    axes.set_xticks([], minor=True)


def _colors(count: int) -> list[str]:
    return [BASELINE_COLORS[index % len(BASELINE_COLORS)] for index in range(count)]
