"""The outputs of a replay as a rosbag2, on the node's topics and with the camera's stamps."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from camseg_core.camera_info import scaled_camera_info
from camseg_core.data.sources.bag_images import BagImages
from camseg_core.drawing import annotated_overlay, colorize, draw_region_scores
from camseg_core.errors import DatasetError, FrameError
from camseg_core.labels import LabelSet
from camseg_core.replay.calibrations import Calibrations
from camseg_core.replay.journal import FrameEntry
from camseg_core.replay.messages import MessageFactory
from camseg_core.replay.topics import LABEL_INFO, OUTPUT_TYPES, output_topic

STORAGES = tuple(plugin.name.lower() for plugin in StoragePlugin)

DEFAULT_OUTPUTS = ("mask", "mask_color", "drift", "drift/score")
"""Those that need nothing but masks and drift."""

OVERLAY_ALPHA = 0.5
"""The node's default."""

_PICTURES = ("overlay", "drift/heatmap")
"""Outputs that are drawn over the camera's images, for which these are read again."""

_FOREVER = QosTime(sec=9_223_372_036, nsec=854_775_807)
_QOS = Qos(
    history=QosHistory.KEEP_LAST,
    depth=5,
    reliability=QosReliability.RELIABLE,
    durability=QosDurability.VOLATILE,
    deadline=_FOREVER,
    lifespan=_FOREVER,
    liveliness=QosLiveliness.AUTOMATIC,
    liveliness_lease_duration=_FOREVER,
    avoid_ros_namespace_conventions=False,
)
"""What the node offers, so that a player offers it too."""

_LATCHED = _QOS._replace(depth=1, durability=QosDurability.TRANSIENT_LOCAL)
"""For what is said once and holds."""


@dataclass(frozen=True)
class OutputSources:
    """What outputs are made of besides the journal's entries.

    Attributes:
        label_set: the classes.
        images: of the cameras; an entry's number modulo their count is its image's.
        calibrations: of the cameras; None where the output ``camera_info`` is not asked for.
    """

    label_set: LabelSet
    images: BagImages
    calibrations: Calibrations | None


def write_bag(
    folder: Path,
    entries: Iterable[FrameEntry],
    cameras: Iterable[str],
    outputs: Sequence[str],
    sources: OutputSources,
    storage: str,
) -> None:
    """Writes a new bag, each message at the time at which the recorder of the frame got it.

    Args:
        folder: of the bag; it must not exist.
        entries: the frames, in the order of their numbers.
        cameras: names of all cameras; with more than one each has topics of its own.
        outputs: of ``OUTPUT_TYPES``; ``confidence`` needs entries that have it.
        sources: what they are made of.
        storage: ``mcap``, compressed by zstd chunk by chunk as its standard says, or ``sqlite3``, plain.

    Raises:
        DatasetError: an image of the bag that was replayed cannot be read again, or a calibration is of another size.
    """
    names = list(cameras)
    make = MessageFactory()
    writer = Writer(folder, version=9, storage_plugin=StoragePlugin[storage.upper()])
    if storage == "mcap":
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        connections = {
            (name, output): writer.add_connection(
                output_topic(output, name if len(names) > 1 else None),
                kind,
                typestore=make.types,
                offered_qos_profiles=[_LATCHED if output == LABEL_INFO else _QOS],
            )
            for name in names
            for output, kind in OUTPUT_TYPES.items()
            if output in outputs
        }
        told: set[str] = set()
        for entry, image in _with_images(entries, sources.images, any(output in _PICTURES for output in outputs)):
            for output, data in _messages(entry, image, outputs, sources, make):
                if output != LABEL_INFO or entry.camera not in told:
                    writer.write(connections[entry.camera, output], entry.received_ns, data)
            told.add(entry.camera)


def _with_images(
    entries: Iterable[FrameEntry], images: BagImages, needed: bool
) -> Iterator[tuple[FrameEntry, np.ndarray | None]]:
    """Each entry with its image, (height, width, 3) uint8 RGB, or None where images are not needed."""
    following = iter(images)
    for entry in entries:
        if not needed:
            yield entry, None
            continue
        image = next(following)
        while image.number != entry.number:  # a node may have dropped some
            image = next(following)
        yield entry, image.rgb()


def _messages(
    entry: FrameEntry, image: np.ndarray | None, outputs: Sequence[str], sources: OutputSources, make: MessageFactory
) -> Iterator[tuple[str, bytes]]:
    """The serialised messages of a frame by output; those that the node would not publish are left out."""
    header = make.header(entry.stamp_ns, entry.frame_id)
    latency_s = math.nan if entry.latency_s is None else entry.latency_s
    for output in OUTPUT_TYPES:
        if output not in outputs:
            continue
        match output:
            case "mask":
                yield output, make.image(entry.labels, "mono8", header)
            case "mask_color":
                yield output, make.image(colorize(entry.labels, sources.label_set), "rgb8", header)
            case "overlay":
                assert image is not None
                drawn = annotated_overlay(image, entry.labels, sources.label_set, entry.drift, OVERLAY_ALPHA)
                yield output, make.image(drawn, "rgb8", header)
            case "confidence":
                assert entry.confidence is not None
                yield output, make.image(entry.confidence, "mono8", header)
            case "drift":
                yield output, make.drift(entry.drift, entry.camera, header, latency_s)
            case "drift/score":
                yield output, make.score(entry.drift)
            case "drift/heatmap" if entry.drift.region_scores:
                assert image is not None
                yield output, make.image(draw_region_scores(image, entry.drift), "rgb8", header)
            case "camera_info":
                assert sources.calibrations is not None
                info = sources.calibrations.newest(entry.camera, entry.received_ns)
                if info is not None:
                    yield output, make.camera_info(_fitting(info, entry, sources), header)
            case "label_info":
                yield output, make.label_info(sources.label_set, make.header(entry.received_ns, ""))


def _fitting(info: Any, entry: FrameEntry, sources: OutputSources) -> Any:
    """A calibration that is of images of the mask's size."""
    height, width = entry.labels.shape
    try:
        return scaled_camera_info(info, (height, width), (height, width))
    except FrameError as error:
        raise DatasetError(
            f"bag {sources.images.path}, camera {entry.camera!r}: {error}; leave the output camera_info out"
        ) from error
