"""``camseg eval reconstruction``."""

from pathlib import Path

import typer

from camseg_core.cli import experiment_options as options
from camseg_core.cli import train
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.reconstruction import measure_reconstruction, publish_reconstruction, train_both
from camseg_core.evaluation.experiments.tally import describe_frames
from camseg_core.training.recipe import Recipe


def reconstruction(
    root: train.Root,
    runs: options.Runs = Path("runs/reconstruction"),
    steps: train.Steps = train.AUTOENCODER_STEPS,
    batch_size: train.BatchSize = Recipe.batch_size,
    size: train.Size = train.AUTOENCODER_SIZE,
    seed: train.Seed = Recipe.seed,
    device: train.Device = Recipe.device,
    out: options.Out = Path("docs/results/reconstruction"),
) -> None:
    """Train a KL and a VQ autoencoder of masks alike, and compare what each gives back of CamVid's val masks.

    Stopped with Ctrl-C, the same command goes on where it was; with both trained it only measures.
    """
    recipe = Recipe(root, steps, train.parse_size(size), batch_size, seed=seed, device=device)
    autoencoders = train_both(recipe, runs)
    samples = recipe.validation_frames()
    found = {
        kind: measure_reconstruction(autoencoder, samples.label_set, samples, device, kind)
        for kind, autoencoder in autoencoders.items()
    }
    data = f"trained on camvid train, measured on {describe_frames('camvid', 'val', samples, 1)}"
    provenance = Provenance.collect(seed=seed, data=data, models=[str(runs / kind) for kind in autoencoders])
    downsampling = autoencoders["kl"].config.downsampling
    publication = publish_reconstruction(recipe, found, downsampling, provenance)
    for table in publication.tables:
        typer.echo(table.markdown())
    typer.echo(" ".join(str(path) for path in publication.write(out)))
