"""Named label sets: class ids, names and the colours they are drawn in."""

from dataclasses import dataclass

import numpy as np

from camseg_core.errors import ConfigurationError

UNLABELLED = 255
"""Id of pixels that carry no class, in label images and in published masks."""


@dataclass(frozen=True)
class LabelSet:
    """The classes a model tells apart; a class's id is its index in ``names``.

    Attributes:
        name: what the set is called on the command line and in weights files.
        names: class names, one each.
        colors: RGB colours, 0 to 255, in the order of ``names``.
        void: id of a class that says that a pixel is of none; None without. It is drawn, but has no score of its own.

    Raises:
        ConfigurationError: names and colours differ in number, or void is no id.
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    void: int | None = None

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colors):
            raise ConfigurationError(
                f"label set {self.name!r}: {len(self.names)} names but {len(self.colors)} colors; expected one each"
            )
        if self.void is not None and not 0 <= self.void < len(self.names):
            raise ConfigurationError(
                f"label set {self.name!r}: void is {self.void}; expected 0 to {len(self.names) - 1}, or None"
            )

    def __len__(self) -> int:
        return len(self.names)

    def color_table(self) -> np.ndarray:
        """Lookup table from class id to RGB, (256, 3) uint8; ids without a class are black."""
        table = np.zeros((256, 3), dtype=np.uint8)
        table[: len(self.colors)] = self.colors
        return table


CAMVID = LabelSet(
    name="camvid",
    names=(
        "sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist",
    ),
    colors=(
        (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
        (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
    ),
)  # fmt: skip
"""CamVid's 11 evaluated classes, in SegNet's order and colours (Badrinarayanan et al., 2017)."""

CITYSCAPES = LabelSet(
    name="cityscapes",
    names=(
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
        "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
    ),
    colors=(
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153),
        (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0),
        (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
)  # fmt: skip
"""Cityscapes' 19 evaluated classes in the order of their train ids and in its colours (Cordts et al., 2016)."""

CITYSCAPES_CAMSEG = LabelSet(
    name="cityscapes-camseg",
    names=("void", *CITYSCAPES.names),
    colors=(
        (0, 0, 0),
        *((0, 130, 180) if color == (70, 130, 180) else color for color in CITYSCAPES.colors),
    ),
    void=0,
)
"""The palette that the published CAM-Seg draws masks in: Cityscapes' classes after a void, and a sky of its own."""

LABEL_SETS: dict[str, LabelSet] = {label_set.name: label_set for label_set in (CAMVID, CITYSCAPES, CITYSCAPES_CAMSEG)}


def get_label_set(name: str) -> LabelSet:
    """The label set called ``name``; raises ConfigurationError naming the known ones."""
    try:
        return LABEL_SETS[name]
    except KeyError:
        raise ConfigurationError(f"label set {name!r} is unknown; expected one of {sorted(LABEL_SETS)}") from None
