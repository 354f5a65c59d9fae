"""Datasets by the names they have on the command line."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from camseg_core.data.datasets.acdc import CONDITIONS, Acdc, AcdcReference
from camseg_core.data.datasets.bdd100k import Bdd100k
from camseg_core.data.datasets.camvid import CamVid
from camseg_core.data.datasets.cityscapes import FOG_LEVELS, Cityscapes, FoggyCityscapes
from camseg_core.data.datasets.kitti_step import KittiStep
from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.data.datasets.labelled_files import LabelledFiles
from camseg_core.data.datasets.labelled_folder import LabelledFolder
from camseg_core.errors import ConfigurationError
from camseg_core.labels import LabelSet

FOLDER = "folder"
"""``ROOT/SPLIT/images`` with ``ROOT/SPLIT/labels``, whose ids are those of whatever label set is asked for."""

DATASETS: dict[str, Callable[[Path, str], LabelledFiles]] = {
    "camvid": CamVid,
    "cityscapes": Cityscapes,
    **{f"foggy-cityscapes-{beta}": partial(FoggyCityscapes, beta=beta) for beta in FOG_LEVELS},
    **{f"acdc-{condition}": partial(Acdc, condition=condition) for condition in CONDITIONS},
    **{f"acdc-{condition}-ref": partial(AcdcReference, condition=condition) for condition in CONDITIONS},
    "kitti-step": KittiStep,
    "bdd100k": Bdd100k,
}
"""Datasets whose ids have a meaning of their own: name to what opens ``(root, split)``."""

DATASET_NAMES = (*DATASETS, FOLDER)


def get_dataset(name: str, root: Path, split: str, label_set: LabelSet) -> LabelledFiles:
    """Opens a dataset for use with a label set.

    Args:
        name: one of ``DATASET_NAMES``.
        root: the dataset's folder, as ``docs/datasets.md`` lays it out.
        split: part of the dataset.
        label_set: the classes wanted, such as those of a model. It must have every class of the dataset; classes of
            the same name are the same class.

    Raises:
        ConfigurationError: an unknown name, or a label set that lacks classes of the dataset.
        DatasetError: an unknown split, or files that are missing.
    """
    if name == FOLDER:
        return LabelledFolder(root / split / "images", root / split / "labels", folder_label_map(label_set))
    if name not in DATASETS:
        raise ConfigurationError(f"dataset {name!r} is unknown; expected one of {', '.join(DATASET_NAMES)}")
    return DATASETS[name](root, split).relabelled(label_set)
