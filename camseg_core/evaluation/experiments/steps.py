"""How many denoising steps, with which sampler, a mask needs."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.evaluation.experiments.class_groups import THIN, group_means
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.publication import Provenance, Publication, Table
from camseg_core.evaluation.experiments.tally import Outcome, Tally, tally_frames
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SAMPLERS, SamplingSettings
from camseg_core.runtime.device import wait_for
from camseg_core.runtime.prediction import predict_prepared, prepare


@dataclass(frozen=True)
class StepsExperiment:
    """What is compared.

    Attributes:
        samplers: some of ``camseg_core.models.settings.SAMPLERS``.
        steps: numbers of denoising steps; the largest is what the others are compared with.
        seed: of the starting noise, the same for all.
    """

    samplers: tuple[str, ...] = SAMPLERS
    steps: tuple[int, ...] = (1, 2, 4, 10, 25, 100)
    seed: int = SamplingSettings.seed

    def settings(self) -> dict[str, SamplingSettings]:
        """Every sampler with every number of steps, by a name of both."""
        return {
            _name(sampler, steps): SamplingSettings(steps, sampler, self.seed)
            for sampler in self.samplers
            for steps in self.steps
        }


def measure_steps(
    model: SegmentationModel,
    dataset: LabelledDataset,
    frames: range,
    experiment: StepsExperiment,
    journal: Journal,
) -> dict[str, Tally]:
    """Draw a mask of each frame with every sampler and number of steps; images are encoded once for all of them.

    The seconds of a tally are those of drawing alone. Args: see ``tally_frames``.
    """
    settings = experiment.settings()
    device = next(model.parameters()).device

    def draw_all(sample: LabelledImage) -> Iterator[tuple[str, Outcome]]:
        prepared = prepare(model, sample.image)
        for name, sampling in settings.items():
            wait_for(device)  # or the first would be charged with the encoding, which a GPU is still at
            started = time.perf_counter()
            labels = predict_prepared(model, prepared, sampling, sample.labels.shape).labels
            yield name, Outcome(labels, time.perf_counter() - started)

    return tally_frames(draw_all, dataset, frames, list(settings), model.label_set, journal, "steps")


def publish_steps(experiment: StepsExperiment, tallies: dict[str, Tally], provenance: Provenance) -> Publication:
    """Tables, plot and figures of what ``measure_steps`` found."""
    metrics = {name: tally.confusion.metrics() for name, tally in tallies.items()}
    most = max(experiment.steps)
    columns = ("sampler", *(_plural(steps) for steps in experiment.steps))

    def table(title: str, value_of: dict[str, float], digits: int) -> Table:
        rows: tuple[tuple[str | float, ...], ...] = tuple(
            (sampler, *(value_of[_name(sampler, steps)] for steps in experiment.steps))
            for sampler in experiment.samplers
        )
        return Table(title, columns, rows, digits)

    miou = {name: 100.0 * found.miou for name, found in metrics.items()}
    thin = {name: 100.0 * group_means(found.per_class_iou)["thin"] for name, found in metrics.items()}
    behind = {
        _name(sampler, steps): miou[_name(sampler, steps)] - miou[_name(sampler, most)]
        for sampler in experiment.samplers
        for steps in experiment.steps
    }
    seconds = {name: tally.seconds_per_frame for name, tally in tallies.items()}
    classes = next(iter(metrics.values())).per_class_iou
    thin_names = ", ".join(name for name in classes if name in THIN)
    return Publication(
        title="Denoising steps",
        summary=(
            "Masks drawn from the same images and the same starting noise with each sampler in each number of steps, "
            f"scored at the labels' own size. Thin classes: {thin_names}. Seconds are those of drawing and decoding "
            "alone; encoding the image comes on top and is the same for all. The aim: 4 steps at most 0.3 points below "
            "100, a single one at most 1.0 below."
        ),
        tables=(
            table("mIoU in %", miou, 2),
            table(f"mIoU against {_plural(most)} of the same sampler, in points", behind, 2),
            table("mean IoU of the thin classes in %", thin, 2),
            table("seconds a frame", seconds, 3),
        ),
        figure=_plot(experiment, miou, thin),
        results={
            sampler: {
                str(steps): {
                    "miou": metrics[_name(sampler, steps)].miou,
                    "thin_miou": thin[_name(sampler, steps)] / 100.0,
                    "ap": metrics[_name(sampler, steps)].ap,
                    "per_class_iou": metrics[_name(sampler, steps)].per_class_iou,
                    "seconds_per_frame": seconds[_name(sampler, steps)],
                }
                for steps in experiment.steps
            }
            for sampler in experiment.samplers
        },
        provenance=provenance,
    )


def _plot(experiment: StepsExperiment, miou: dict[str, float], thin: dict[str, float]) -> Figure:
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    panels: Sequence[tuple[str, dict[str, float]]] = (("all classes", miou), ("thin classes", thin))
    for axes, (title, values) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for sampler, marker in zip(experiment.samplers, "osD^v<>ph", strict=False):
            curve = [values[_name(sampler, steps)] for steps in experiment.steps]
            axes.plot(experiment.steps, curve, marker=marker, markersize=4, linewidth=1.2, label=sampler)
        axes.set_xscale("log")
        axes.set_xticks(experiment.steps, [str(steps) for steps in experiment.steps])
        axes.minorticks_off()
        axes.set_xlabel("denoising steps")
        axes.set_ylabel("mIoU, %")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False, fontsize=8)
    return figure


def _name(sampler: str, steps: int) -> str:
    return f"{sampler} {steps}"


def _plural(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"
