"""Datasets with labels: anything with a length that gives LabelledImage by index."""

from camseg_core.data.datasets.acdc import Acdc, AcdcReference
from camseg_core.data.datasets.bdd100k import Bdd100k
from camseg_core.data.datasets.camvid import CamVid
from camseg_core.data.datasets.cityscapes import Cityscapes, FoggyCityscapes
from camseg_core.data.datasets.kitti_step import KittiStep
from camseg_core.data.datasets.label_map import LabelMap
from camseg_core.data.datasets.labelled_files import LabelledFiles
from camseg_core.data.datasets.labelled_folder import LabelledFolder
from camseg_core.data.datasets.labelled_image import LabelledDataset, LabelledImage
from camseg_core.data.datasets.registry import DATASET_NAMES, get_dataset

__all__ = [
    "DATASET_NAMES",
    "Acdc",
    "AcdcReference",
    "Bdd100k",
    "CamVid",
    "Cityscapes",
    "FoggyCityscapes",
    "KittiStep",
    "LabelMap",
    "LabelledDataset",
    "LabelledFiles",
    "LabelledFolder",
    "LabelledImage",
    "get_dataset",
]
