"""``camseg eval masking``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli import experiment_options as options
from camseg_core.cli import train
from camseg_core.evaluation.experiments.masking import publish_masking, train_variants
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.tally import describe_frames
from camseg_core.evaluation.segmentation import evaluate_segmentation
from camseg_core.model_files import model_folder
from camseg_core.models.settings import SamplingSettings
from camseg_core.training.recipe import Recipe


def masking(
    root: train.Root,
    image_autoencoder: train.ImageAutoencoder,
    mask_autoencoder: train.MaskAutoencoder,
    start: Annotated[
        str | None, typer.Option(help="Trained model that both begin with, by name or folder; else random weights.")
    ] = None,
    runs: options.Runs = Path("runs/masking"),
    steps: train.Steps = train.MODEL_STEPS,
    batch_size: train.BatchSize = Recipe.batch_size,
    size: train.Size = train.MODEL_SIZE,
    sampling_steps: Annotated[int, typer.Option(min=1, help="Denoising steps.")] = SamplingSettings.steps,
    seed: train.Seed = Recipe.seed,
    device: train.Device = Recipe.device,
    out: options.Out = Path("docs/results/masking"),
) -> None:
    """Train a model with all mask tokens hidden and one with 70–100 % of them, alike, and compare them on CamVid val.

    Stopped with Ctrl-C, the same command goes on where it was; with both trained it only measures.
    """
    recipe = Recipe(root, steps, train.parse_size(size), batch_size, seed=seed, device=device)
    autoencoders = model_folder(image_autoencoder), model_folder(mask_autoencoder)
    models = train_variants(recipe, *autoencoders, runs, start)
    samples = recipe.validation_frames()
    sampling = SamplingSettings(steps=sampling_steps, seed=seed)
    found = {
        variant: evaluate_segmentation(model, samples, sampling, progress=True) for variant, model in models.items()
    }
    data = f"trained on camvid train, measured on {describe_frames('camvid', 'val', samples, 1)}"
    provenance = Provenance.collect(seed=seed, data=data, models=[str(runs / variant) for variant in models])
    publication = publish_masking(recipe, sampling, found, provenance, start)
    typer.echo(publication.tables[0].markdown())
    typer.echo(" ".join(str(path) for path in publication.write(out)))
