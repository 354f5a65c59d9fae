"""What CAM-Seg's masks owe to the condition z: masks drawn with it, without it, and with a wrong one.

In the published model z, the transformer's output, is all that the diffusion head is told of the image.
``camseg-small`` joins it with convolutional features into one condition; there the parts are altered one by one, and
the whole.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.per_class import per_class_plot, per_class_table, thin_classes
from camseg_core.evaluation.experiments.publication import Provenance, Publication
from camseg_core.evaluation.experiments.tally import Outcome, Tally, tally_frames
from camseg_core.models.base import PreparedImages, SegmentationModel
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict_prepared, prepare

INTACT = "intact"
CHANGES = ("zero", "shuffled", "of another image")
WITHOUT_FEATURES = "features zero"

Change = Callable[[Tensor, Tensor], Tensor]
"""Makes a map (N, C, h, w) from the image's own and another image's."""


def conditions_of(model: SegmentationModel) -> list[str]:
    """Names of what is measured of ``model``; raises ConfigurationError for one that draws nothing from a condition."""
    if not isinstance(model, CamSeg):
        raise ConfigurationError(f"model {model.model_id!r} draws no mask from a condition; expected a CAM-Seg")
    parts = ["z"] if model.fusion is None else ["z", "condition"]
    names = [INTACT, *(f"{part} {change}" for part in parts for change in CHANGES)]
    return names if model.fusion is None else [*names, WITHOUT_FEATURES]


def measure_conditioning(
    model: SegmentationModel,
    dataset: LabelledDataset,
    frames: range,
    sampling: SamplingSettings,
    journal: Journal,
) -> dict[str, Tally]:
    """Draw a mask of each frame under every alteration of its condition. Args: see ``tally_frames``.

    The seed of ``sampling`` also draws the permutations and the other images.

    Raises:
        ConfigurationError: the model draws nothing from a condition, or the dataset has a single image only.
    """
    conditions = conditions_of(model)
    assert isinstance(model, CamSeg)
    if len(dataset) < 2:
        raise ConfigurationError(f"the dataset has {len(dataset)} images; expected 2 or more, to take z from another")

    def draw_all(sample: LabelledImage) -> Iterator[tuple[str, Outcome]]:
        # Of the name, not of the order: a run that goes on draws what it would have drawn.
        chance = random.Random(f"{sampling.seed} {sample.name}")
        for name, prepared in _altered(model, sample.image, _other(dataset, sample, chance).image, chance):
            started = time.perf_counter()
            labels = predict_prepared(model, prepared, sampling, sample.labels.shape).labels
            yield name, Outcome(labels, time.perf_counter() - started)

    return tally_frames(draw_all, dataset, frames, conditions, model.label_set, journal, "conditioning")


def _altered(
    model: CamSeg, image: np.ndarray, other: np.ndarray, chance: random.Random
) -> Iterator[tuple[str, PreparedImages]]:
    """The image as the model prepares it, then with altered conditions."""
    changes: dict[str, Change] = {
        "zero": lambda own, _: torch.zeros_like(own),
        "shuffled": _shuffle(chance.getrandbits(63)),
        "of another image": lambda _, theirs: theirs,
    }
    own, theirs = prepare(model, image), prepare(model, other)
    yield INTACT, own
    whole = "z" if model.fusion is None else "condition"
    for name in CHANGES:
        conditions = zip(own.conditions, theirs.conditions, strict=True)
        yield f"{whole} {name}", replace(own, conditions=tuple(changes[name](*pair) for pair in conditions))
    if model.fusion is None:
        return
    kept: list[Tensor] = []

    def keep(*maps: Tensor) -> tuple[Tensor, ...]:
        kept.append(maps[0])
        return maps

    _prepare_with(model, other, keep)
    for name in CHANGES:
        # Called before the loop goes on.
        yield f"z {name}", _prepare_with(model, image, lambda z, *maps: (changes[name](z, kept[0]), *maps))  # noqa: B023
    yield WITHOUT_FEATURES, _prepare_with(model, image, lambda z, *maps: (z, *map(torch.zeros_like, maps)))


def _prepare_with(model: CamSeg, image: np.ndarray, change: Callable[..., tuple[Tensor, ...]]) -> PreparedImages:
    """``prepare`` with what the fusion is given, z and the finer features, changed."""
    assert model.fusion is not None
    handle = model.fusion.register_forward_pre_hook(lambda _, inputs: change(*inputs))
    try:
        return prepare(model, image)
    finally:
        handle.remove()


def _shuffle(seed: int) -> Change:
    """Puts the vectors of all positions in one random order."""

    def shuffle(own: Tensor, _: Tensor) -> Tensor:
        order = torch.randperm(own.shape[-2] * own.shape[-1], generator=torch.Generator().manual_seed(seed))
        return own.flatten(2)[:, :, order.to(own.device)].view_as(own)

    return shuffle


def _other(dataset: LabelledDataset, sample: LabelledImage, chance: random.Random) -> LabelledImage:
    """Another image of the dataset."""
    other = dataset[chance.randrange(len(dataset))]
    while other.name == sample.name:
        other = dataset[chance.randrange(len(dataset))]
    return other


def publish_conditioning(sampling: SamplingSettings, tallies: dict[str, Tally], provenance: Provenance) -> Publication:
    """Table, plot and figures of what ``measure_conditioning`` found."""
    metrics = {name: tally.confusion.metrics() for name, tally in tallies.items()}
    iou = {name: found.per_class_iou for name, found in metrics.items()}
    summary = (
        "Masks of the same images from the same starting noise, drawn from the condition as it is and from altered "
        "ones: set to zero, its positions in random order, taken from another image of the split. "
        f"{sampling.steps} denoising step{'s' if sampling.steps > 1 else ''}, {sampling.sampler}. "
        "`z` is the transformer's output"
    )
    if WITHOUT_FEATURES in metrics:
        summary += (
            "; `condition` is what the diffusion head is given: z joined with the convolutional features at 1/4 and "
            f"1/8. `{WITHOUT_FEATURES}` keeps z and sets those features to zero"
        )
    summary += (
        ". No layer has met zeros or shuffled maps in training: a drop shows what the trained model relies on, not how "
        f"good one trained without that part would be. Thin classes: {thin_classes(iou)}."
    )
    return Publication(
        title="Conditioning",
        summary=summary,
        tables=(per_class_table("IoU in %", "drawn from", iou),),
        figure=per_class_plot(iou, "IoU"),
        results={
            name: {"miou": found.miou, "ap": found.ap, "f1": found.f1, "per_class_iou": found.per_class_iou}
            for name, found in metrics.items()
        },
        provenance=provenance,
    )
