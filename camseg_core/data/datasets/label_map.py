"""From the ids a dataset stores to the class ids of a label set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import UNLABELLED, LabelSet


@dataclass(frozen=True)
class LabelMap:
    """What each stored id means.

    An id that is neither class nor ignored is an error, not one more void: the files are not what they seem.

    Attributes:
        label_set: the classes that the ids mean.
        classes: stored id, 0 to 255, to class id of ``label_set``.
        ignored: stored ids that carry no class; their pixels become 255.

    Raises:
        ConfigurationError: an id is out of range, is both class and ignored, or means a class that does not exist.
    """

    label_set: LabelSet
    classes: Mapping[int, int]
    ignored: frozenset[int]

    def __post_init__(self) -> None:
        if unfit := {stored for stored in {*self.classes, *self.ignored} if not 0 <= stored <= 255}:
            raise ConfigurationError(f"label map holds the stored ids {sorted(unfit)}; expected 0 to 255")
        if both := self.ignored & self.classes.keys():
            raise ConfigurationError(f"label map has the ids {sorted(both)} as class and as ignored; expected one")
        if unfit := {known for known in self.classes.values() if not 0 <= known < len(self.label_set)}:
            raise ConfigurationError(
                f"label map leads to the class ids {sorted(unfit)}; expected 0 to {len(self.label_set) - 1} "
                f"({self.label_set.name})"
            )

    def apply(self, stored: np.ndarray, path: Path) -> np.ndarray:
        """Class ids of the pixels of a label image.

        Args:
            stored: (H, W) uint8 ids as stored.
            path: file that they come from, for the error.

        Returns:
            (H, W) uint8 class ids of ``label_set``, 255 where ignored.

        Raises:
            DatasetError: an id is neither class nor ignored.
        """
        unknown = np.flatnonzero((np.bincount(stored.ravel(), minlength=256) > 0) & ~self._known)
        if unknown.size:
            raise DatasetError(
                f"{path}: holds class id {unknown[0]}; expected {_ranges(self.classes)} ({self.label_set.name}), "
                f"or {_ranges(self.ignored)} for unlabelled"
            )
        return self._table[stored]

    def into(self, label_set: LabelSet) -> "LabelMap":
        """This map with the class ids of another label set; classes of the same name are the same class.

        Raises:
            ConfigurationError: a class has no namesake in ``label_set``.
        """
        missing = [name for name in self.label_set.names if name not in label_set.names]
        if missing:
            raise ConfigurationError(
                f"labels of the set {self.label_set.name!r} cannot be used with {label_set.name!r}, which lacks "
                f"{', '.join(missing)}; expected a label set with all of its classes"
            )
        numbers = [label_set.names.index(name) for name in self.label_set.names]
        return LabelMap(label_set, {stored: numbers[known] for stored, known in self.classes.items()}, self.ignored)

    @cached_property
    def _known(self) -> np.ndarray:
        known = np.zeros(256, dtype=bool)
        known[[*self.classes, *self.ignored]] = True
        return known

    @cached_property
    def _table(self) -> np.ndarray:
        table = np.full(256, UNLABELLED, dtype=np.uint8)
        table[list(self.classes)] = list(self.classes.values())
        return table


def folder_label_map(label_set: LabelSet) -> LabelMap:
    """The rule for label images that store class ids: 0 … n−1 are the n classes; n (CamVid: 11) and 255 carry none."""
    count = len(label_set)
    return LabelMap(label_set, {known: known for known in range(count)}, frozenset({count, UNLABELLED}))


def _ranges(ids: Iterable[int]) -> str:
    """The ids for people to read: ``0 to 10, 33``."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
