"""``camseg eval int8``."""

from dataclasses import replace
from typing import Annotated

import torch
import typer

from camseg_core.benchmarks.agreement import Damage, agreement_record, measure_agreement
from camseg_core.cli import bench_options
from camseg_core.cli import experiment_options as options
from camseg_core.corruptions import CORRUPTIONS
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.evaluation.experiments.tally import chosen_frames, describe_frames
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.quantization.loading import load_int8_model
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

NAMES = ("plain", "int8")


def int8(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: options.Split = options.SPLIT,
    model: options.Model = EngineSettings.model,
    steps: bench_options.Steps = EngineSettings.steps,
    sampler: bench_options.Sampler = EngineSettings.sampler,
    decoder: bench_options.Decoder = EngineSettings.decoder,
    every: options.Every = 1,
    severity: Annotated[int, typer.Option(min=1, max=5, help="Of what is done to frames besides.")] = 4,
    damaged_every: Annotated[int, typer.Option(min=1, help="Of those frames take every n-th for that.")] = 4,
    seed: options.Seed = EngineSettings.seed,
    json_path: bench_options.Json = None,
    report: bench_options.Report = None,
) -> None:
    """How far a model in int8 gives the masks that it gives without, on frames as they are and on damaged ones."""
    check_writable(json_path, report)
    models = load_model(model, torch.device("cpu"), decoder), load_int8_model(model, decoder)
    samples = get_dataset(dataset, root, split, models[0].label_set)
    sampling = SamplingSettings(steps, sampler, seed)
    frames = chosen_frames(samples, every)
    found = measure_agreement(models, samples, frames, sampling)
    some = frames[::damaged_every]
    damaged = {
        f"{name}, {corruption.levels[severity - 1]}": measure_agreement(
            models, samples, some, sampling, Damage(name, severity, seed)
        )
        for name, corruption in CORRUPTIONS.items()
    }
    data = describe_frames(dataset, split, samples, every)
    provenance = Provenance.collect(seed=seed, data=data, models=[model], libraries=["openvino"])
    title = f"Int8 against what it stands for: {model}, {decoder} decoder"
    record = agreement_record("int8", title, NAMES, model, sampling, found, provenance)
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (what, 100.0 * one.agreement, *(100.0 * metrics.miou for metrics in one.metrics))
        for what, one in damaged.items()
    )
    columns = ("damage", "pixels of the same class, %", *(f"mIoU, {name}, %" for name in NAMES))
    table = Table(f"{len(some)} of the frames damaged", columns, rows, 2)
    figures = {"decoder": decoder, "damaged": {what: one.agreement for what, one in damaged.items()}}
    bench_options.publish(
        replace(record, tables=(*record.tables, table), figures={**record.figures, **figures}), json_path, report
    )
