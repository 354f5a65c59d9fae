"""``camseg eval steps``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.journal import journal_beside
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.steps import StepsExperiment, measure_steps, publish_steps
from camseg_core.evaluation.experiments.tally import chosen_frames, describe_frames
from camseg_core.models.loading import load_model
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings


def steps(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: options.Split = options.SPLIT,
    model: options.Model = EngineSettings.model,
    sampler: Annotated[list[str], typer.Option(help="Sampler to try. May be repeated.")] = list(  # noqa: B006
        StepsExperiment.samplers
    ),
    steps: Annotated[list[int], typer.Option(min=1, help="Denoising steps to try. May be repeated.")] = list(  # noqa: B006
        StepsExperiment.steps
    ),
    every: options.Every = 1,
    seed: options.Seed = StepsExperiment.seed,
    device: options.Device = EngineSettings.device,
    out: options.Out = Path("docs/results/steps"),
) -> None:
    """Mean IoU against denoising steps, sampler by sampler, as tables and a plot.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    chosen_device = resolve_device(device)
    network = load_model(model, chosen_device)
    samples = get_dataset(dataset, root, split, network.label_set)
    experiment = StepsExperiment(tuple(sampler), tuple(sorted(steps)), seed)
    data = describe_frames(dataset, split, samples, every)
    provenance = Provenance.collect(seed=seed, data=data, models=[model])
    journal = journal_beside(out, provenance, samples, chosen_device, experiment=list(experiment.settings()))
    tallies = measure_steps(network, samples, chosen_frames(samples, every), experiment, journal)
    publication = publish_steps(experiment, tallies, provenance)
    typer.echo(publication.tables[0].markdown())
    typer.echo(" ".join(str(path) for path in publication.write(out)))
    journal.remove()
