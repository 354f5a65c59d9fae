"""Options that the experiments of ``camseg eval`` share."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.data.datasets import DATASET_NAMES

Root = Annotated[Path, typer.Option(help="The dataset's folder.")]
Dataset = Annotated[str, typer.Option(help=f"One of {', '.join(DATASET_NAMES)}.")]
Split = Annotated[str, typer.Option(help="Part of the dataset: train, val or test, where it is labelled.")]
Model = Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")]
Every = Annotated[int, typer.Option(min=1, help="Take every n-th frame; what is published says so.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda:N.")]
Runs = Annotated[
    Path, typer.Option(help="Where to train: a folder for each variant, resumed where it has a checkpoint.")
]
Out = Annotated[
    Path, typer.Option(help="Where to publish: this path with the endings .md, .png and .json, and .partial meanwhile.")
]

DATASET = "camvid"
SPLIT = "val"
