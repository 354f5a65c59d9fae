"""The page on robustness: what models keep of their clean quality, held against the aims."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from camseg_core.corruptions import CORRUPTIONS, SEVERITIES
from camseg_core.evaluation.confusion import SegmentationMetrics
from camseg_core.evaluation.experiments.class_groups import THIN
from camseg_core.evaluation.experiments.publication import Provenance, Publication, Table
from camseg_core.evaluation.experiments.retention import RESAMPLES, Kept, Retention, figures
from camseg_core.evaluation.experiments.robustness import CLEAN, WEATHERS, RobustnessExperiment
from camseg_core.evaluation.experiments.tally import Tally


@dataclass(frozen=True)
class Aim:
    """A share of the clean mIoU that is to be kept.

    Attributes:
        condition: name in CONDITIONS.
        severities: over which the mean is taken.
        kept: the share, a fraction.
    """

    condition: str
    severities: tuple[int, ...]
    kept: float


AIMS = (
    Aim("gaussian noise", SEVERITIES, 0.95),
    Aim("motion blur", (1, 2, 3), 0.95),
    Aim("gaussian blur", (1, 2, 3), 0.95),
    Aim("brightness", (1, 2, 3), 0.95),
    Aim("contrast", (1,), 0.95),
    Aim("saturation", SEVERITIES, 0.90),
    Aim("hue", SEVERITIES, 0.90),
    Aim("salt-and-pepper", (5,), 0.90),
)
"""What CAM-Seg's paper claims of itself. "Moderate" is read as severities 1 to 3, but for contrast: the first of
ImageNet-C's levels, ×0.4, is already beyond the ×0.5 at which the official plots end."""


def publish_robustness(
    models: tuple[str, ...], experiment: RobustnessExperiment, tallies: Mapping[str, Tally], provenance: Provenance
) -> Publication:
    """Tables, plot and figures of what ``measure_robustness`` found of these models, the first one foremost."""
    retention = Retention(tallies, experiment.sampling.seed)
    aims = [aim for aim in AIMS if aim.condition in experiment.conditions]
    tables = [_overview(models, experiment, retention), _absolute(models, experiment, retention)]
    if aims:
        tables.append(_aims_table(models, aims, retention))
    tables += [_details(model, experiment, retention) for model in models]
    tables += [_clean(models, retention), _levels(experiment)]
    return Publication(
        title="Robustness",
        summary=_summary_text(models, experiment, retention),
        tables=tuple(tables),
        figure=_plot(models, experiment, retention),
        results={model: _results(model, experiment, retention) for model in models},
        provenance=provenance,
    )


def _summary_text(models: tuple[str, ...], experiment: RobustnessExperiment, retention: Retention) -> str:
    sampling = experiment.sampling
    classes = retention.metrics(models[0], CLEAN, 0).per_class_iou
    thin = ", ".join(name for name in classes if name in THIN)
    return (
        "What is left of the clean mIoU and AP on the same frames under corruptions and simulated weather, in % of the "
        "clean figure. AP is the mean over the classes of pixel precision, as CAM-Seg's official code scores it. Thin "
        f"classes: {thin}; the others are the frequent ones. ± is one standard error from {RESAMPLES} resamples of the "
        "frames, as if they were independent. Every model is given the same spoilt image; masks are drawn in "
        f"{sampling.steps} step{'s' if sampling.steps > 1 else ''} with {sampling.sampler} where a model draws them."
        "\n\n"
        "A share flatters a model that is bad from the start: the second table has the mIoU itself. Severities 1 to 5 "
        "are in the last one. Levels of ImageNet-C (Hendrycks and Dietterich, 2019) are in pixels as there, whatever "
        "the size of the image. Weather is put on depth that is estimated from the true labels."
    )


def _overview(models: tuple[str, ...], experiment: RobustnessExperiment, retention: Retention) -> Table:
    columns = ["mIoU kept, mean of the severities", *models]
    columns += [f"{models[0]} ahead of {other}" for other in models[1:]]
    rows = []
    for condition in experiment.conditions:
        row = [condition, *(_plus_minus(retention.kept(model, condition, SEVERITIES)) for model in models)]
        row += [_plus_minus(retention.lead(models[0], other, condition, SEVERITIES), sign="+") for other in models[1:]]
        rows.append(tuple(row))
    return Table("Overview, %", tuple(columns), tuple(rows))


def _absolute(models: tuple[str, ...], experiment: RobustnessExperiment, retention: Retention) -> Table:
    rows: list[tuple[str | float, ...]] = [
        (CLEAN, *(100.0 * retention.metrics(model, CLEAN, 0).miou for model in models))
    ]
    for condition in experiment.conditions:
        each = ([retention.metrics(model, condition, severity).miou for severity in SEVERITIES] for model in models)
        rows.append((condition, *(100.0 * sum(values) / len(values) for values in each)))
    return Table("mIoU itself, mean of the severities, %", ("", *models), tuple(rows), digits=1)


def _aims_table(models: tuple[str, ...], aims: list[Aim], retention: Retention) -> Table:
    rows = []
    for aim in aims:
        found = retention.kept(models[0], aim.condition, aim.severities)
        rows.append(
            (
                aim.condition,
                ", ".join(str(severity) for severity in aim.severities),
                f"≥ {100 * aim.kept:.0f}",
                _plus_minus(found),
                "yes" if found.share >= aim.kept else "no",
                *(_plus_minus(retention.kept(other, aim.condition, aim.severities)) for other in models[1:]),
            )
        )
    columns = ("mIoU kept", "severities", "aim", models[0], "reached", *models[1:])
    return Table("The aims, %", columns, tuple(rows))


def _details(model: str, experiment: RobustnessExperiment, retention: Retention) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for condition in experiment.conditions:
        each = [100.0 * retention.kept(model, condition, (severity,)).share for severity in SEVERITIES]
        means = [
            100.0 * retention.kept(model, condition, SEVERITIES, figure).share
            for figure in ("frequent_miou", "thin_miou", "ap", "frequent_ap", "thin_ap")
        ]
        rows.append((condition, *each, *means))
    columns = (
        "", *(f"mIoU at {severity}" for severity in SEVERITIES),
        "mIoU, frequent", "mIoU, thin", "AP", "AP, frequent", "AP, thin",
    )  # fmt: skip
    title = f"{model}: kept at each severity, and the means of the five over groups of classes and of AP, %"
    return Table(title, columns, tuple(rows), digits=1)


def _clean(models: tuple[str, ...], retention: Retention) -> Table:
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (model, *(100.0 * value for value in figures(retention.metrics(model, CLEAN, 0)).values())) for model in models
    )
    columns = ("model", "mIoU", "mIoU, frequent", "mIoU, thin", "AP", "AP, frequent", "AP, thin")
    return Table("Clean, %", columns, rows, digits=1)


def _levels(experiment: RobustnessExperiment) -> Table:
    rows: list[tuple[str, ...]] = []
    for condition in experiment.conditions:
        if condition in CORRUPTIONS:
            corruption = CORRUPTIONS[condition]
            rows.append((condition, *corruption.levels, corruption.source))
        else:
            levels = (f"{weather.severity:g} {weather.unit}" for weather in WEATHERS[condition])
            rows.append((condition, *levels, "`camseg_core.weather`"))
    return Table("Severities", ("", *(str(severity) for severity in SEVERITIES), "levels from"), tuple(rows))


def _results(model: str, experiment: RobustnessExperiment, retention: Retention) -> dict[str, object]:
    spoilt = {}
    for condition in experiment.conditions:
        mean = retention.kept(model, condition, SEVERITIES)
        spoilt[condition] = {
            "kept": mean.share,
            "kept_standard_error": mean.error,
            "severities": {
                str(severity): _figures_and_classes(retention.metrics(model, condition, severity))
                for severity in SEVERITIES
            },
        }
    return {"clean": _figures_and_classes(retention.metrics(model, CLEAN, 0)), "conditions": spoilt}


def _figures_and_classes(metrics: SegmentationMetrics) -> dict[str, object]:
    return {
        **figures(metrics),
        "per_class_iou": metrics.per_class_iou,
        "per_class_precision": metrics.per_class_precision,
    }


def _plot(models: tuple[str, ...], experiment: RobustnessExperiment, retention: Retention) -> Figure:
    columns = min(4, len(experiment.conditions))
    rows = -(-len(experiment.conditions) // columns)
    figure = Figure(figsize=(0.6 + 2.5 * columns, 0.8 + 2.1 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes in panels[len(experiment.conditions) :]:
        axes.set_axis_off()
    for axes, condition in zip(panels, experiment.conditions, strict=False):
        for number, model in enumerate(models):
            for figure_name, label, style in (("miou", "all classes", "-"), ("thin_miou", "thin", ":")):
                curve = [retention.kept(model, condition, (level,), figure_name).share for level in SEVERITIES]
                axes.plot(
                    (0, *SEVERITIES),
                    [100.0, *(100.0 * share for share in curve)],
                    style,
                    color=f"C{number}",
                    marker="o" if style == "-" else None,
                    markersize=3,
                    linewidth=1.3,
                    label=f"{model}, {label}",
                )
        axes.set_title(condition, fontsize=10)
        axes.set_ylim(0.0, 110.0)
        axes.set_xticks((0, *SEVERITIES), ("clean", *(str(severity) for severity in SEVERITIES)))
        axes.grid(alpha=0.3)
    figure.supylabel("mIoU kept, %", fontsize=10)
    figure.supxlabel("severity", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(models) * 2, frameon=False, fontsize=9)
    return figure


def _plus_minus(kept: Kept, sign: str = "") -> str:
    error = "–" if math.isnan(kept.error) else f"{100 * kept.error:.1f}"
    return f"{100 * kept.share:{sign}.1f} ± {error}"
