"""``camseg eval gallery``: a page of overlays to look at."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.data.datasets import DATASET_NAMES, get_dataset
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.gallery import draw_gallery, frame_mious, pick_rows
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

DOTS_PER_INCH = 100
PICTURES = (".png", ".jpg", ".pdf")


def gallery(
    root: Annotated[Path, typer.Option(help="The dataset's folder.")],
    out: Annotated[Path, typer.Option(help=f"Picture to write; its ending says the format: {', '.join(PICTURES)}.")],
    dataset: Annotated[str, typer.Option(help=f"One of {', '.join(DATASET_NAMES)}.")] = "camvid",
    split: Annotated[str, typer.Option(help="Part of the dataset: train, val or test, where it is labelled.")] = "val",
    columns: Annotated[int, typer.Option(min=1, help="Frames in each of the three rows.")] = 4,
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    steps: Annotated[int, typer.Option(min=1, help="Denoising steps.")] = EngineSettings.steps,
    sampler: Annotated[str, typer.Option(help="Sampler: ddim, ddpm, dpmsolver++ or unipc.")] = EngineSettings.sampler,
    seed: Annotated[int, typer.Option(help="Of the starting noise.")] = EngineSettings.seed,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
) -> None:
    """Draw the best, the median and the worst frames of a labelled split, prediction over truth."""
    if out.suffix not in PICTURES:
        raise ConfigurationError(f"--out {out} ends in {out.suffix!r}; expected one of {', '.join(PICTURES)}")
    check_writable(out)
    network = load_model(model, resolve_device(device))
    samples = get_dataset(dataset, root, split, network.label_set)
    sampling = SamplingSettings(steps, sampler, seed)
    rows = pick_rows(frame_mious(network, samples, sampling), columns)
    for title, indices in rows.items():
        typer.echo(f"{title}: {', '.join(samples[index].name for index in indices)}")
    draw_gallery(network, samples, rows, sampling).savefig(out, dpi=DOTS_PER_INCH, facecolor="white")
    typer.echo(f"written to {out}")
