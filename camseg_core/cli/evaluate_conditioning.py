"""``camseg eval conditioning``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.conditioning import measure_conditioning, publish_conditioning
from camseg_core.evaluation.experiments.journal import journal_beside
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.tally import chosen_frames, describe_frames
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings


def conditioning(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: options.Split = options.SPLIT,
    model: options.Model = EngineSettings.model,
    steps: Annotated[int, typer.Option(min=1, help="Denoising steps.")] = EngineSettings.steps,
    sampler: Annotated[str, typer.Option(help="Sampler.")] = EngineSettings.sampler,
    every: options.Every = 1,
    seed: options.Seed = SamplingSettings.seed,
    device: options.Device = EngineSettings.device,
    out: options.Out = Path("docs/results/conditioning"),
) -> None:
    """Mean IoU with the transformer's z, without it, with a shuffled one and with another image's.

    Stopped with Ctrl-C, the same command goes on where it was.
    """
    chosen_device = resolve_device(device)
    network = load_model(model, chosen_device)
    samples = get_dataset(dataset, root, split, network.label_set)
    sampling = SamplingSettings(steps, sampler, seed)
    data = describe_frames(dataset, split, samples, every)
    provenance = Provenance.collect(seed=seed, data=data, models=[model])
    journal = journal_beside(out, provenance, samples, chosen_device, steps=steps, sampler=sampler)
    tallies = measure_conditioning(network, samples, chosen_frames(samples, every), sampling, journal)
    publication = publish_conditioning(sampling, tallies, provenance)
    typer.echo(publication.tables[0].markdown())
    typer.echo(" ".join(str(path) for path in publication.write(out)))
    journal.remove()
