"""Datasets with labels: anything with a length that gives LabelledImage by index."""

from camseg_core.data.datasets.camvid import CamVid
from camseg_core.data.datasets.labelled_image import LabelledDataset, LabelledImage

__all__ = ["CamVid", "LabelledDataset", "LabelledImage"]
