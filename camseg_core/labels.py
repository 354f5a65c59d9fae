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
    """

    name: str
    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colors):
            raise ConfigurationError(
                f"label set {self.name!r}: {len(self.names)} names but {len(self.colors)} colors; expected one each"
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

LABEL_SETS: dict[str, LabelSet] = {CAMVID.name: CAMVID}


def get_label_set(name: str) -> LabelSet:
    """The label set called ``name``; raises ConfigurationError naming the known ones."""
    try:
        return LABEL_SETS[name]
    except KeyError:
        raise ConfigurationError(f"label set {name!r} is unknown; expected one of {sorted(LABEL_SETS)}") from None
