"""``camseg eval robustness``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.journal import journal_beside
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.robustness import (
    CONDITIONS,
    RobustnessExperiment,
    measure_robustness,
    named_models,
)
from camseg_core.evaluation.experiments.robustness_publication import publish_robustness
from camseg_core.evaluation.experiments.tally import chosen_frames, describe_frames
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings


def robustness(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: options.Split = options.SPLIT,
    model: Annotated[
        list[str],
        typer.Option(help="Name of a shipped model, or a model folder. May be repeated: compared side by side."),
    ] = [EngineSettings.model],  # noqa: B006
    corruption: Annotated[
        list[str], typer.Option(help=f"One of {', '.join(CONDITIONS)}. May be repeated.", show_default="all of them")
    ] = list(CONDITIONS),  # noqa: B006
    steps: Annotated[int, typer.Option(min=1, help="Denoising steps.")] = EngineSettings.steps,
    sampler: Annotated[str, typer.Option(help="Sampler: ddim, ddpm, dpmsolver++ or unipc.")] = EngineSettings.sampler,
    every: options.Every = 4,
    seed: options.Seed = SamplingSettings.seed,
    device: options.Device = EngineSettings.device,
    out: options.Out = Path("docs/results/robustness"),
) -> None:
    """What is left of mIoU and AP under noise, blur, colour changes and weather, as tables and a plot.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    experiment = RobustnessExperiment(tuple(corruption), SamplingSettings(steps, sampler, seed))
    chosen_device = resolve_device(device)
    models = named_models([(name, load_model(name, chosen_device)) for name in model])
    samples = get_dataset(dataset, root, split, next(iter(models.values())).label_set)
    data = describe_frames(dataset, split, samples, every)
    provenance = Provenance.collect(seed=seed, data=data, models=model)
    journal = journal_beside(
        out, provenance, samples, chosen_device, corruptions=corruption, steps=steps, sampler=sampler
    )
    tallies = measure_robustness(models, samples, chosen_frames(samples, every), experiment, journal)
    publication = publish_robustness(tuple(models), experiment, tallies, provenance)
    typer.echo(publication.tables[0].markdown())
    typer.echo(" ".join(str(path) for path in publication.write(out)))
    journal.remove()
