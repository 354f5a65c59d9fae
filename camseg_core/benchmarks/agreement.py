"""How far one way of computing a model's masks gives what another way gives."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.corruptions import corrupt
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict


@dataclass(frozen=True)
class Damage:
    """Something that is done to frames before they are segmented.

    Attributes:
        corruption: name in ``camseg_core.corruptions.CORRUPTIONS``.
        severity: 1 to 5.
        seed: of what is random in it.
    """

    corruption: str
    severity: int
    seed: int


@dataclass(frozen=True)
class Agreement:
    """The masks of two models over the same frames, at the labels' own size.

    Attributes:
        agreement: share of all pixels, labelled or not, that both give the same class.
        worst_agreement: the same of the frame where it is lowest.
        metrics: of each against the true labels.
        frames: number of frames.
    """

    agreement: float
    worst_agreement: float
    metrics: tuple[SegmentationMetrics, SegmentationMetrics]
    frames: int


def measure_agreement(
    models: tuple[SegmentationModel, SegmentationModel],
    dataset: LabelledDataset,
    frames: Sequence[int],
    sampling: SamplingSettings,
    damage: Damage | None = None,
) -> Agreement:
    """Segment the frames with these indices by both models, of the same classes. Shows a progress bar."""
    confusions = ConfusionMatrix(models[0].label_set), ConfusionMatrix(models[0].label_set)
    equal, sizes = [], []
    for index in tqdm(frames, desc="agreement" if damage is None else damage.corruption, unit="frame"):
        sample = dataset[index]
        image = sample.image
        if damage is not None:
            image = corrupt(image, damage.corruption, damage.severity, damage.seed + index)
        masks = [predict(model, image, sampling).labels for model in models]
        for confusion, mask in zip(confusions, masks, strict=True):
            confusion.update(sample.labels, mask)
        equal.append(int(np.count_nonzero(masks[0] == masks[1])))
        sizes.append(masks[0].size)
    shares = np.array(equal) / np.array(sizes)
    first, second = (confusion.metrics() for confusion in confusions)
    return Agreement(sum(equal) / sum(sizes), float(shares.min()), (first, second), len(frames))


def agreement_record(
    kind: str,
    title: str,
    names: tuple[str, str],
    model: str,
    sampling: SamplingSettings,
    found: Agreement,
    provenance: Provenance,
) -> BenchmarkRecord:
    """Tables of what ``measure_agreement`` found with two ways of these names to compute ``model``."""
    first, second = found.metrics
    classes = tuple(
        (name, 100.0 * iou, 100.0 * second.per_class_iou[name], 100.0 * (second.per_class_iou[name] - iou))
        for name, iou in first.per_class_iou.items()
    )
    overall = ("mean", 100.0 * first.miou, 100.0 * second.miou, 100.0 * (second.miou - first.miou))
    return BenchmarkRecord(
        kind=kind,
        title=title,
        summary=(
            f"The masks of {found.frames} frames, drawn alike (steps: {sampling.steps}, sampler: {sampling.sampler}). "
            f"**{100.0 * found.agreement:.3f} %** of all pixels get the same class, in the worst frame "
            f"{100.0 * found.worst_agreement:.2f} %; mIoU against the true labels differs by "
            f"{100.0 * (second.miou - first.miou):+.2f} points."
        ),
        tables=(Table("IoU in %", ("class", *names, f"{names[1]} − {names[0]}"), (*classes, overall), 2),),
        figures={
            "model_id": model_facts(model).model_id,
            "steps": sampling.steps,
            "agreement": found.agreement,
            "worst_agreement": found.worst_agreement,
            "frames": found.frames,
            **{name: asdict(metrics) for name, metrics in zip(names, found.metrics, strict=True)},
        },
        provenance=provenance,
    )
