"""A page of overlays: the best, the middle and the worst frames of a dataset, each with its truth below."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from tqdm import tqdm

from camseg_core.data.datasets import LabelledDataset
from camseg_core.drawing import overlay
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.labels import LabelSet
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict

ALPHA = 0.6


@dataclass(frozen=True)
class GalleryFrame:
    """A frame of the page.

    Attributes:
        name: of the frame in its dataset.
        miou: mean IoU over the classes that are labelled or predicted in it, 0 to 1.
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, the truth.
        predicted: (H, W) uint8.
    """

    name: str
    miou: float
    image: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray


def frame_mious(model: SegmentationModel, dataset: LabelledDataset, sampling: SamplingSettings) -> list[float]:
    """Mean IoU of each frame by itself, in the dataset's order; shows a progress bar."""
    return [
        _judge(model, dataset, index, sampling).miou
        for index in tqdm(range(len(dataset)), desc="gallery", unit="frame")
    ]


def pick_rows(mious: Sequence[float], columns: int) -> dict[str, list[int]]:
    """Indices of the ``columns`` best, middle and worst frames, each row from better to worse.

    Raises:
        ConfigurationError: fewer than three rows of frames.
    """
    if len(mious) < 3 * columns:
        raise ConfigurationError(f"{len(mious)} frames; expected {3 * columns} or more for three rows of {columns}")
    order = sorted(range(len(mious)), key=lambda index: -mious[index])
    middle = (len(order) - columns) // 2
    return {"best": order[:columns], "median": order[middle : middle + columns], "worst": order[-columns:]}


def draw_gallery(
    model: SegmentationModel, dataset: LabelledDataset, rows: dict[str, list[int]], sampling: SamplingSettings
) -> Figure:
    """The page: a row of frames for each entry of ``rows``, prediction over truth, with the classes' colours below."""
    columns = max(len(indices) for indices in rows.values())
    figure = Figure(figsize=(3.4 * columns, 5.4 * len(rows) + 0.7), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for row, (title, indices) in zip(axes, rows.items(), strict=True):
        for axis, index in zip(row, indices, strict=False):
            frame = _judge(model, dataset, index, sampling)
            axis.imshow(_stack(frame, model.label_set))
            axis.set_title(f"{title}: {frame.name}, mIoU {frame.miou:.2f}", fontsize=8)
    table = model.label_set.color_table()[: len(model.label_set)] / 255.0
    figure.legend(
        handles=[
            Patch(color=(red, green, blue), label=name)
            for (red, green, blue), name in zip(table.tolist(), model.label_set.names, strict=True)
        ],
        loc="outside lower center",
        ncols=len(table),
        fontsize=8,
        frameon=False,
    )
    return figure


def _judge(model: SegmentationModel, dataset: LabelledDataset, index: int, sampling: SamplingSettings) -> GalleryFrame:
    sample = dataset[index]
    predicted = predict(model, sample.image, sampling).labels
    confusion = ConfusionMatrix(model.label_set)
    confusion.update(sample.labels, predicted)
    return GalleryFrame(sample.name, confusion.metrics().miou, sample.image, sample.labels, predicted)


def _stack(frame: GalleryFrame, label_set: LabelSet) -> np.ndarray:
    """Prediction over truth, with a white line between."""
    pictures = [overlay(frame.image, labels, label_set, ALPHA) for labels in (frame.predicted, frame.labels)]
    line = np.full((max(2, frame.image.shape[0] // 90), frame.image.shape[1], 3), 255, dtype=np.uint8)
    return cv2.vconcat([pictures[0], line, pictures[1]])
