"""``camseg eval``: measure a model on labelled data."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from camseg_core.cli.evaluate_conditioning import conditioning
from camseg_core.cli.evaluate_decoder import decoder
from camseg_core.cli.evaluate_gallery import gallery
from camseg_core.cli.evaluate_int8 import int8
from camseg_core.cli.evaluate_masking import masking
from camseg_core.cli.evaluate_reconstruction import reconstruction
from camseg_core.cli.evaluate_robustness import robustness
from camseg_core.cli.evaluate_steps import steps
from camseg_core.data.datasets import DATASET_NAMES, get_dataset
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.tally import describe_frames
from camseg_core.evaluation.segmentation import SegmentationEvaluation, evaluate_segmentation
from camseg_core.models.loading import load_model
from camseg_core.models.settings import DECODERS, SamplingSettings
from camseg_core.plain_json import plain_json
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable

app = typer.Typer(no_args_is_help=True, help="Measure a model on labelled data.")
app.command("conditioning")(conditioning)
app.command("decoder")(decoder)
app.command("gallery")(gallery)
app.command("int8")(int8)
app.command("robustness")(robustness)
app.command("masking")(masking)
app.command("reconstruction")(reconstruction)
app.command("steps")(steps)


@app.callback()
def evaluate() -> None:
    """Measure a model on labelled data."""


@app.command("segmentation")
def segmentation(
    root: Annotated[Path, typer.Option(help="The dataset's folder.")],
    dataset: Annotated[str, typer.Option(help=f"One of {', '.join(DATASET_NAMES)}.")] = "camvid",
    split: Annotated[str, typer.Option(help="Part of the dataset: train, val or test, where it is labelled.")] = "val",
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    steps: Annotated[int, typer.Option(min=1, help="Denoising steps.")] = EngineSettings.steps,
    sampler: Annotated[str, typer.Option(help="Sampler: ddim, ddpm, dpmsolver++ or unipc.")] = EngineSettings.sampler,
    seed: Annotated[int, typer.Option(help="Of the starting noise.")] = EngineSettings.seed,
    num_samples: Annotated[int, typer.Option(min=1, help="Masks drawn of an image; their majority is scored.")] = (
        EngineSettings.num_samples
    ),
    decoder_name: Annotated[
        str, typer.Option("--decoder", help=f"What turns mask latents into classes: {' or '.join(DECODERS)}.")
    ] = EngineSettings.decoder,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
) -> None:
    """Mean IoU and its kin over a labelled split; every figure is a fraction, 0 to 1."""
    check_writable(json_path)
    network = load_model(model, resolve_device(device), decoder_name)
    samples = get_dataset(dataset, root, split, network.label_set)
    sampling = SamplingSettings(steps, sampler, seed, num_samples)
    result = evaluate_segmentation(network, samples, sampling, progress=True)
    _print(result)
    if json_path is not None:
        data = describe_frames(dataset, split, samples, every=1)
        figures = {
            **asdict(result.metrics),
            "frames": result.frames,
            "seconds_per_frame": result.seconds_per_frame,
            "model": model,
            "dataset": dataset,
            "split": split,
            "steps": steps,
            "sampler": sampler,
            "seed": seed,
            "num_samples": num_samples,
            "decoder": decoder_name,
            "provenance": asdict(Provenance.collect(seed=seed, data=data, models=[model])),
        }
        json_path.write_text(json.dumps(plain_json(figures), indent=2, allow_nan=False) + "\n")


def _print(result: SegmentationEvaluation) -> None:
    metrics = result.metrics
    for name, iou in metrics.per_class_iou.items():
        typer.echo(f"{name:>16} IoU {iou:6.3f}")
    typer.echo(
        f"mIoU {metrics.miou:.4f}, global accuracy {metrics.global_accuracy:.4f}, class accuracy "
        f"{metrics.class_accuracy:.4f}, AP {metrics.ap:.4f}, F1 {metrics.f1:.4f}; {result.frames} frames, "
        f"{result.seconds_per_frame:.3f} s a frame"
    )
