"""The true labels of frames, from topics of the bag or from a folder."""

from collections.abc import Iterator, Mapping, Sequence
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
        number: the frame's place among all images of the cameras; None where no frame of the camera has the stamp.
        labels: (height, width) uint8 class ids, 255 unlabelled.
        where: where it comes from, for errors.
    """

    camera: str
    number: int | None
    labels: np.ndarray
    where: str


FrameStamps = Mapping[str, Mapping[int, int]]
"""Of each camera, by its name: the stamps of its frames, nanoseconds, by their numbers and in the order of these."""


def frame_stamps(images: BagImages, cameras: Sequence[Camera]) -> FrameStamps:
    """The stamps of all frames of a bag, also of those that a node dropped; raises DatasetError as reading it does."""
    names = {camera.topic: camera.name for camera in cameras}
    stamps_ns: dict[str, dict[int, int]] = {camera.name: {} for camera in cameras}
    for image in images:
        stamps_ns[names[image.topic]][image.number] = image.stamp_ns
    return stamps_ns


def labels_of_topics(
    path: Path, cameras: Sequence[Camera], stamps_ns: FrameStamps, label_set: LabelSet
) -> Iterator[TrueLabels]:
    """The labels on the cameras' label topics: mono8, ids as ``folder_label_map`` has them.

    Args:
        path: the bag.
        cameras: some of them with a label topic.
        stamps_ns: of all frames.
        label_set: the classes.

    Raises:
        DatasetError: a message is not mono8 or holds an id that is neither class nor void, or several frames of its
            camera have its stamp.
    """
    label_map = folder_label_map(label_set)
    names = {camera.label_topic: camera.name for camera in cameras if camera.label_topic is not None}
    numbers = {camera: _numbers_by_stamp(stamps_ns[camera]) for camera in names.values()}
    for image in BagImages(path, list(names)):
        camera, where = names[image.topic], f"{image.where}, stamp {image.stamp_ns} ns"
        number = _only_frame(numbers[camera].get(image.stamp_ns, []), camera, where)
        yield TrueLabels(camera, number, label_map.apply(label_ids(image), Path(where)), where)


def labels_of_folder(folder: Path, stamps_ns: FrameStamps, label_set: LabelSet) -> Iterator[TrueLabels]:
    """The label images of a folder, or with several cameras of the folders in it that have the cameras' names.

    Files are named by the frames' stamps in nanoseconds, ``1700000000200000000.png``, and may be of some frames only;
    where none of the names is a frame's stamp there is one for each frame, in the order of the names.

    Args:
        folder: of PNGs of one byte a pixel, ids as ``folder_label_map`` has them.
        stamps_ns: of all frames.
        label_set: the classes.

    Raises:
        DatasetError: a folder is missing or empty, the names fit neither rule, several frames of a camera have the
            stamp that a file is named by, or a file is no label image.
    """
    label_map = folder_label_map(label_set)
    for camera, stamps in stamps_ns.items():
        paths = list_images(folder if len(stamps_ns) == 1 else folder / camera)
        for path, number in zip(paths, _numbers_of(paths, stamps, camera), strict=True):
            yield TrueLabels(camera, number, label_map.apply(read_labels(path), path), str(path))


def _numbers_of(paths: list[Path], stamps_ns: Mapping[int, int], camera: str) -> list[int | None]:
    """The numbers of the frames that label images belong to; None for a stamp that no frame has."""
    numbers = _numbers_by_stamp(stamps_ns)
    named = [int(path.stem) if path.stem.isdecimal() else None for path in paths]
    # A file called 0 says nothing yet: files are counted from there too.
    if any(stamp and stamp in numbers for stamp in named) or all(stamp in numbers for stamp in named):
        return [
            _only_frame(numbers.get(stamp, []), camera, str(path)) for path, stamp in zip(paths, named, strict=True)
        ]
    if len(paths) == len(stamps_ns):
        return list(stamps_ns)
    example = next(iter(numbers))
    raise DatasetError(
        f"{paths[0].parent}: holds {len(paths)} label images, camera {camera!r} has {len(stamps_ns)} frames; expected "
        f"one each, or names that are stamps in nanoseconds, such as {example}{paths[0].suffix} (found {paths[0].name})"
    )


def _numbers_by_stamp(stamps_ns: Mapping[int, int]) -> dict[int | None, list[int]]:
    """The numbers of the frames that have a stamp."""
    numbers: dict[int | None, list[int]] = {}
    for number, stamp_ns in stamps_ns.items():
        numbers.setdefault(stamp_ns, []).append(number)
    return numbers


def _only_frame(numbers: list[int], camera: str, where: str) -> int | None:
    """The number of the frame that a label belongs to by its stamp, out of those that have this stamp."""
    if len(numbers) > 1:
        raise DatasetError(
            f"{where}: frames {numbers[0]} and {numbers[1]} of camera {camera!r} both have this stamp; expected each "
            "its own, or --labels with one image for each frame in order of name"
        )
    return numbers[0] if numbers else None
