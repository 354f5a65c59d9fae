"""Confusion matrices of many conditions over one dataset, frame by frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from camseg_core.data.datasets import LabelledDataset, LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.labels import LabelSet


@dataclass(frozen=True)
class Outcome:
    """What came of a frame under one condition.

    Attributes:
        labels: (H, W) uint8 class ids, at the size of the true labels.
        seconds: that it took.
    """

    labels: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Tally:
    """What came of all frames under one condition.

    Attributes:
        confusion: over all frames.
        seconds_per_frame: mean over the frames.
        frame_counts: (frames, classes, classes + 1) int64, ``ConfusionMatrix.counts`` of each frame, to resample.
    """

    confusion: ConfusionMatrix
    seconds_per_frame: float
    frame_counts: np.ndarray


def chosen_frames(dataset: LabelledDataset, every: int) -> range:
    """Indices of every ``every``-th frame from the first on; raises ConfigurationError for less than 1."""
    if every < 1:
        raise ConfigurationError(f"every is {every}; expected 1 or more")
    return range(0, len(dataset), every)


def describe_frames(name: str, split: str, dataset: LabelledDataset, every: int) -> str:
    """What was measured on, in words, such as ``camvid val, every 4th of 101 frames (26)``."""
    if every == 1:
        return f"{name} {split}, all {len(dataset)} frames"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(every % 10 if every % 100 not in (11, 12, 13) else 0, "th")
    return f"{name} {split}, every {every}{ending} of {len(dataset)} frames ({len(chosen_frames(dataset, every))})"


def tally_frames(
    measure: Callable[[LabelledImage], Iterator[tuple[str, Outcome]]],
    dataset: LabelledDataset,
    frames: range,
    conditions: list[str],
    label_set: LabelSet,
    journal: Journal,
    description: str,
) -> dict[str, Tally]:
    """Measure frames under every condition, with a progress bar; frames that the journal has are not measured again.

    Args:
        measure: gives each condition's outcome for a frame.
        dataset: images and true labels.
        frames: indices into it.
        conditions: names of all that ``measure`` gives.
        label_set: of the labels.
        journal: of this run.
        description: stands before the bar.
    """
    todo = [index for index in frames if str(index) not in journal.results]
    done = (len(frames) - len(todo)) * len(conditions)
    total = len(frames) * len(conditions)
    with tqdm(desc=description, total=total, initial=done, unit="mask", smoothing=0.05) as bar:
        for index in todo:
            sample = dataset[index]
            result = {}
            for condition, outcome in measure(sample):
                confusion = ConfusionMatrix(label_set)
                confusion.update(sample.labels, outcome.labels)
                result[condition] = {"counts": confusion.counts.tolist(), "seconds": outcome.seconds}
                bar.update()
            journal.add(str(index), result)
    return {condition: _tally(condition, frames, label_set, journal) for condition in conditions}


def _tally(condition: str, frames: range, label_set: LabelSet, journal: Journal) -> Tally:
    results = [journal.results[str(index)][condition] for index in frames]
    counts = np.array([result["counts"] for result in results], dtype=np.int64)
    confusion = ConfusionMatrix(label_set)
    confusion.counts += counts.sum(axis=0)
    return Tally(confusion, float(np.mean([result["seconds"] for result in results])), counts)
