"""KITTI-STEP: KITTI's tracking sequences with a class for every pixel (Weber et al., 2021)."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from camseg_core.data.datasets.cityscapes import CITYSCAPES_TRAIN_IDS
from camseg_core.data.datasets.labelled_files import FileTree, LabelledFiles, check_split, pair_trees
from camseg_core.data.images import read_label_channels
from camseg_core.errors import DatasetError

SPLITS = ("train", "val")
"""The labels of KITTI-STEP's test split are withheld."""


class KittiStep(LabelledFiles):
    """``panoptic_maps/SPLIT/SEQUENCE/FRAME.png``, as such or in the archive's ``kitti-step/``, with KITTI's frames.

    The frames lie where KITTI's archive puts them, ``training/image_02/SEQUENCE/FRAME.png``, or sorted by split as the
    authors' guide has it, ``images/SPLIT/SEQUENCE/FRAME.png``. Red is the class (Cityscapes' train id), green and blue
    number the instances.

    Args:
        root: folder that holds ``panoptic_maps`` or ``kitti-step``, and ``training`` or ``images``.
        split: ``train`` (12 sequences, 5027 frames) or ``val`` (9 sequences, 2981 frames).

    Raises:
        DatasetError: an unknown split, a folder that is missing or empty, or an image or label without the other.
    """

    def __init__(self, root: Path, split: str) -> None:
        check_split("kitti-step", split, SPLITS)
        maps, images = _map_folder(root, split), _image_folder(root, split)
        # By sequence: KITTI's own folder holds the sequences of both splits.
        pairs = [
            replace(pair, name=f"{sequence}_{pair.name}")
            for sequence in _sequences(maps)
            for pair in pair_trees(FileTree(images / sequence, ".png", 0), FileTree(maps / sequence, ".png", 0))
        ]
        super().__init__(pairs, CITYSCAPES_TRAIN_IDS, _read_classes)


def _map_folder(root: Path, split: str) -> Path:
    moved, as_published = root / "panoptic_maps" / split, root / "kitti-step" / "panoptic_maps" / split
    missing = f"{moved}: no such folder; expected it or {as_published} with a folder for each sequence"
    return _first_existing((moved, as_published), missing)


def _image_folder(root: Path, split: str) -> Path:
    by_split, as_published = root / "images" / split, root / "training" / "image_02"
    missing = f"{as_published}: no such folder; expected it or {by_split} with the frames of KITTI tracking"
    return _first_existing((by_split, as_published), missing)


def _first_existing(folders: tuple[Path, ...], missing: str) -> Path:
    for folder in folders:
        if folder.is_dir():
            return folder
    raise DatasetError(missing)


def _sequences(maps: Path) -> list[str]:
    sequences = sorted(path.name for path in maps.iterdir() if path.is_dir())
    if not sequences:
        raise DatasetError(f"{maps}: holds no sequence; expected folders such as 0002")
    return sequences


def _read_classes(path: Path) -> np.ndarray:
    return read_label_channels(path)[..., 0]
