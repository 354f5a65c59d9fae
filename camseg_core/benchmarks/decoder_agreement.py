"""How far a fast decoder says what the full decoder says."""

from dataclasses import asdict, dataclass

import numpy as np
from tqdm import tqdm

from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.models.base import SamplingSettings, SegmentationModel
from camseg_core.runtime.prediction import predict_prepared, prepare


@dataclass(frozen=True)
class DecoderAgreement:
    """The masks of the two decoders over the same frames, at the labels' own size.

    Attributes:
        agreement: share of all pixels, labelled or not, that both give the same class.
        worst_agreement: the same of the frame where it is lowest.
        full, fast: metrics of each against the true labels.
        frames: number of frames.
    """

    agreement: float
    worst_agreement: float
    full: SegmentationMetrics
    fast: SegmentationMetrics
    frames: int


def measure_agreement(
    full: SegmentationModel,
    fast: SegmentationModel,
    dataset: LabelledDataset,
    frames: range,
    sampling: SamplingSettings,
) -> DecoderAgreement:
    """Segment frames with both; the two are the same model but for its decoder. Shows a progress bar."""
    confusions = ConfusionMatrix(full.label_set), ConfusionMatrix(full.label_set)
    equal, sizes = [], []
    for index in tqdm(frames, desc="decoders", unit="frame"):
        sample = dataset[index]
        # All before the decoder is the same.
        prepared = prepare(full, sample.image)
        size = (sample.labels.shape[0], sample.labels.shape[1])
        masks = [predict_prepared(model, prepared, sampling, size).labels for model in (full, fast)]
        for confusion, mask in zip(confusions, masks, strict=True):
            confusion.update(sample.labels, mask)
        equal.append(int(np.count_nonzero(masks[0] == masks[1])))
        sizes.append(masks[0].size)
    shares = np.array(equal) / np.array(sizes)
    return DecoderAgreement(
        sum(equal) / sum(sizes), float(shares.min()), confusions[0].metrics(), confusions[1].metrics(), len(frames)
    )


def agreement_record(
    model: str, sampling: SamplingSettings, found: DecoderAgreement, provenance: Provenance
) -> BenchmarkRecord:
    """Tables of what ``measure_agreement`` found."""
    full, fast = found.full, found.fast
    classes = tuple(
        (
            name,
            100.0 * full.per_class_iou[name],
            100.0 * fast.per_class_iou[name],
            100.0 * (fast.per_class_iou[name] - full.per_class_iou[name]),
        )
        for name in full.per_class_iou
    )
    overall = ("mean", 100.0 * full.miou, 100.0 * fast.miou, 100.0 * (fast.miou - full.miou))
    return BenchmarkRecord(
        kind="decoder",
        title=f"Fast decoder against full: {model}",
        summary=(
            f"The masks of {found.frames} frames, drawn alike (steps: {sampling.steps}, sampler: {sampling.sampler}) "
            f"and decoded by both. **{100.0 * found.agreement:.3f} %** of all pixels get the same class, in the worst "
            f"frame {100.0 * found.worst_agreement:.2f} %; mIoU against the true labels differs by "
            f"{100.0 * (fast.miou - full.miou):+.2f} points. Aim: 99.5 % and 0.3 points."
        ),
        tables=(Table("IoU in %", ("class", "full", "fast", "fast − full"), (*classes, overall), 2),),
        figures={"model_id": model_facts(model).model_id, "steps": sampling.steps, **asdict(found)},
        provenance=provenance,
    )
