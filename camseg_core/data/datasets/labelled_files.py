"""Images and label images that lie in files: finding what belongs together, and reading it."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from camseg_core.data.datasets.label_map import LabelMap
from camseg_core.data.datasets.labelled_image import LabelledImage
from camseg_core.data.images import read_labels, read_rgb
from camseg_core.errors import DatasetError
from camseg_core.labels import LabelSet


@dataclass(frozen=True)
class FilePair:
    """An image file with its label file.

    Attributes:
        image: the image.
        labels: its label image.
        name: what both are called in their dataset.
    """

    image: Path
    labels: Path
    name: str


class LabelledFiles:
    """Pairs of files as a dataset; every image is read when it is asked for.

    Args:
        pairs: the files.
        label_map: what the stored ids mean.
        read_ids: reads the (H, W) uint8 ids of a label file; raises DatasetError where it cannot.

    Raises:
        DatasetError: on access, for a file that cannot be decoded, an unknown id, or sizes that differ.
    """

    def __init__(
        self, pairs: Sequence[FilePair], label_map: LabelMap, read_ids: Callable[[Path], np.ndarray] = read_labels
    ) -> None:
        self._pairs = pairs
        self._label_map = label_map
        self._read_ids = read_ids

    @property
    def label_set(self) -> LabelSet:
        """The classes of the labels."""
        return self._label_map.label_set

    @property
    def fingerprint(self) -> str:
        """Hash of the names, sizes and times of change of all files, and of the label set: another for other data.

        The first 16 hexadecimal digits of a SHA-256.
        """
        digest = hashlib.sha256(self.label_set.name.encode())
        for pair in self._pairs:
            for path in (pair.image, pair.labels):
                state = path.stat()
                digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> LabelledImage:
        pair = self._pairs[index]
        image, ids = read_rgb(pair.image), self._read_ids(pair.labels)
        if ids.shape != image.shape[:2]:
            raise DatasetError(f"{pair.labels}: is {_size(ids)} pixels; expected {_size(image)} as {pair.image}")
        return LabelledImage(image, self._label_map.apply(ids, pair.labels), pair.name)

    def relabelled(self, label_set: LabelSet) -> "LabelledFiles":
        """The same files with the ids of another label set; classes of the same name are the same class.

        Raises:
            ConfigurationError: a class has no namesake in ``label_set``.
        """
        return LabelledFiles(self._pairs, self._label_map.into(label_set), self._read_ids)


@dataclass(frozen=True)
class FileTree:
    """Files of one kind below a folder; a file's key is its path in the folder without the suffix.

    Attributes:
        folder: the folder.
        suffix: how the names end, such as ``_leftImg8bit.png``.
        levels: folders between ``folder`` and the files (cities, sequences).
    """

    folder: Path
    suffix: str
    levels: int = 1

    def path(self, key: str) -> Path:
        """The file of that key."""
        return self.folder / f"{key}{self.suffix}"

    def keys(self) -> list[str]:
        """Keys of all files, sorted; raises DatasetError where the folder is missing or holds none."""
        if not self.folder.is_dir():
            raise DatasetError(f"{self.folder}: no such folder; expected files like {self._pattern}")
        paths = sorted(self.folder.glob(self._pattern))
        if not paths:
            raise DatasetError(f"{self.folder}: holds no image; expected files like {self._pattern}")
        return [path.relative_to(self.folder).as_posix().removesuffix(self.suffix) for path in paths]

    @property
    def _pattern(self) -> str:
        return "*/" * self.levels + f"*{self.suffix}"


def pair_trees(images: FileTree, labels: FileTree, *, all_labelled: bool = True) -> list[FilePair]:
    """Images and labels of the same key, in the order of the keys; the last part of the key is the name.

    Args:
        images: the images.
        labels: their labels.
        all_labelled: False where the dataset labels only some of its images; the others are left out.

    Raises:
        DatasetError: a folder is missing or empty, an image has no label, or a label no image: part of the dataset is
            missing, and figures on the rest would not be the benchmark's.
    """
    image_keys, label_keys = images.keys(), labels.keys()
    unlabelled, orphans = sorted({*image_keys} - {*label_keys}), sorted({*label_keys} - {*image_keys})
    if unlabelled and all_labelled:
        raise DatasetError(
            f"{images.path(unlabelled[0])}: has no labels ({len(unlabelled)} of {len(image_keys)} images have none); "
            f"expected {labels.path(unlabelled[0])}"
        )
    if orphans:
        raise DatasetError(
            f"{labels.path(orphans[0])}: has no image ({len(orphans)} of {len(label_keys)} label files have none); "
            f"expected {images.path(orphans[0])}"
        )
    return [FilePair(images.path(key), labels.path(key), key.rpartition("/")[2]) for key in label_keys]


def check_split(dataset: str, split: str, splits: Sequence[str]) -> None:
    """Raises DatasetError unless ``split`` is one of ``splits``."""
    if split not in splits:
        raise DatasetError(f"{dataset} has no labelled split {split!r}; expected one of {', '.join(splits)}")


def _size(image: np.ndarray) -> str:
    height, width = image.shape[:2]
    return f"{width}×{height}"
