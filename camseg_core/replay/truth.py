"""The true labels of frames, from topics of the bag or from a folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.data.images import list_images, read_labels
from camseg_core.data.sources.bag_images import BagImages
from camseg_core.errors import DatasetError
from camseg_core.labels import LabelSet
from camseg_core.replay.cameras import Camera, label_ids


@dataclass(frozen=True)
class TrueLabels:
    """The truth about one frame.

    Attributes:
        camera: its camera's name.
        stamp_ns: its stamp.
        labels: (height, width) uint8 class ids, 255 unlabelled.
        where: where it comes from, for errors.
    """

    camera: str
    stamp_ns: int
    labels: np.ndarray
    where: str


def labels_of_topics(path: Path, cameras: Sequence[Camera], label_set: LabelSet) -> Iterator[TrueLabels]:
    """The labels on the cameras' label topics: mono8, ids as ``folder_label_map`` has them.

    Raises DatasetError for a message that is not mono8 or holds an id that is neither class nor void.
    """
    label_map = folder_label_map(label_set)
    names = {camera.label_topic: camera.name for camera in cameras if camera.label_topic is not None}
    if not names:
        return
    for image in BagImages(path, [topic for topic in names if topic is not None]):
        labels = label_map.apply(label_ids(image), Path(image.where))
        yield TrueLabels(names[image.topic], image.stamp_ns, labels, image.where)


def labels_of_folder(folder: Path, stamps_ns: dict[str, list[int]], label_set: LabelSet) -> Iterator[TrueLabels]:
    """The label images of a folder, or with several cameras of the folders in it that have the cameras' names.

    Files are named by the frames' stamps in nanoseconds, ``1700000000200000000.png``, and may be of some frames only;
    with other names there is one for each frame, in the order of the names.

    Args:
        folder: of PNGs of one byte a pixel, ids as ``folder_label_map`` has them.
        stamps_ns: of the frames of each camera.
        label_set: the classes.

    Raises:
        DatasetError: a folder is missing or empty, the names fit neither rule, or a file is no label image.
    """
    label_map = folder_label_map(label_set)
    for camera, stamps in stamps_ns.items():
        paths = list_images(folder if len(stamps_ns) == 1 else folder / camera)
        for path, stamp_ns in zip(paths, _stamps_of(paths, stamps, camera), strict=True):
            yield TrueLabels(camera, stamp_ns, label_map.apply(read_labels(path), path), str(path))


def _stamps_of(paths: list[Path], stamps: list[int], camera: str) -> list[int]:
    named = [int(path.stem) if path.stem.isdecimal() else None for path in paths]
    known = set(stamps)
    if all(stamp in known for stamp in named):
        return [stamp for stamp in named if stamp is not None]
    if len(paths) == len(stamps):
        return stamps
    raise DatasetError(
        f"{paths[0].parent}: holds {len(paths)} label images, camera {camera!r} has {len(stamps)} frames; expected one "
        f"each, or names that are stamps in nanoseconds, such as {stamps[0]}{paths[0].suffix} (found {paths[0].name})"
    )
