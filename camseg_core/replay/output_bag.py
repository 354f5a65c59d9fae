"""The outputs of a replay as a rosbag2, on the node's topics and with the camera's stamps."""

import math
from collections.abc import Iterable
from pathlib import Path

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from camseg_core.data.sources.bag_images import IMAGE_TYPE
from camseg_core.drawing import colorize
from camseg_core.labels import LabelSet
from camseg_core.replay.drift_message import DRIFT_TYPE
from camseg_core.replay.journal import FrameEntry
from camseg_core.replay.messages import SCORE_TYPE, MessageFactory
from camseg_core.replay.topics import output_topic

STORAGES = tuple(plugin.name.lower() for plugin in StoragePlugin)

OUTPUT_TYPES = {"mask": IMAGE_TYPE, "mask_color": IMAGE_TYPE, "drift": DRIFT_TYPE, "drift/score": SCORE_TYPE}
"""Outputs of the node that the bag holds, with their types."""

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


def write_bag(
    folder: Path, entries: Iterable[FrameEntry], cameras: Iterable[str], label_set: LabelSet, storage: str
) -> None:
    """Writes a new bag, each message at the time at which the recorder of the frame got it.

    Args:
        folder: of the bag; it must not exist.
        entries: the frames.
        cameras: names of all cameras; with more than one each has topics of its own.
        label_set: for the colour mask.
        storage: ``mcap``, compressed by zstd chunk by chunk as its standard says, or ``sqlite3``, plain.
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
                offered_qos_profiles=[_QOS],
            )
            for name in names
            for output, kind in OUTPUT_TYPES.items()
        }
        for entry in entries:
            header = make.header(entry.stamp_ns, entry.frame_id)
            latency_s = math.nan if entry.latency_s is None else entry.latency_s
            messages = {
                "mask": make.image(entry.labels, "mono8", header),
                "mask_color": make.image(colorize(entry.labels, label_set), "rgb8", header),
                "drift": make.drift(entry.drift, entry.camera, header, latency_s),
                "drift/score": make.score(entry.drift),
            }
            for output, data in messages.items():
                writer.write(connections[entry.camera, output], entry.received_ns, data)
