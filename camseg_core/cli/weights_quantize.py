"""``camseg weights quantize``."""

from typing import Annotated

import torch
import typer
from tqdm import tqdm

from camseg_core.autoencoders.fast_decoder import FILE_NAME as FAST_DECODER
from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.tally import chosen_frames
from camseg_core.model_files import model_folder
from camseg_core.models.loading import load_model
from camseg_core.models.settings import DECODERS
from camseg_core.quantization.calibration import find_ranges
from camseg_core.runtime.settings import EngineSettings


def quantize(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: Annotated[str, typer.Option(help="Part of the dataset, one that the model was trained on.")] = "train",
    model: options.Model = EngineSettings.model,
    every: options.Every = 10,
) -> None:
    """Find on frames how far the inputs of a model's layers range, which int8 needs; written beside its weights.

    Seconds on two cores. To be done anew when the model or its fast decoder has changed; `camseg eval int8` measures
    what came of it.
    """
    folder = model_folder(model)
    decoders = DECODERS if (folder / FAST_DECODER).is_file() else DECODERS[:1]
    models = [load_model(model, torch.device("cpu"), decoder) for decoder in decoders]
    samples = get_dataset(dataset, root, split, models[0].label_set)
    frames = chosen_frames(samples, every)
    images = (samples[index].image for index in tqdm(frames, desc="ranges", unit="frame"))
    ranges = find_ranges(models, images)
    typer.echo(f"{ranges.save(folder)}: {len(ranges.by_layer)} layers, {len(frames)} frames")
