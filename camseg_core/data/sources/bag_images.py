"""The images in a recorded rosbag2, raw or compressed, of one camera or of several."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from camseg_core.errors import DatasetError, FrameError
from camseg_core.runtime.compressed_images import compressed_to_rgb
from camseg_core.runtime.pixel_formats import to_rgb

IMAGE_TYPE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE_TYPE = "sensor_msgs/msg/CompressedImage"
IMAGE_TYPES = (IMAGE_TYPE, COMPRESSED_IMAGE_TYPE)


@dataclass(frozen=True)
class BagTopic:
    """A topic of a bag: its name, the type of its messages, and how many there are."""

    name: str
    type: str
    count: int


@dataclass(frozen=True)
class BagMessage:
    """One image message, unread.

    Attributes:
        topic, number, received_ns: as in ``BagImage``.
        data: the message, serialised.
    """

    topic: str
    number: int
    received_ns: int
    data: bytes


@dataclass(frozen=True)
class BagImage:
    """One image message.

    Attributes:
        topic: where it was recorded.
        number: its place among the messages read, from 0.
        received_ns: when the recorder got it, nanoseconds.
        stamp_ns: the header's stamp, nanoseconds.
        frame_id: the header's.
        encoding: of a raw image, such as ``rgb8``; the format of a compressed one.
        message: the message itself.
        where: bag, message and topic in words, for errors.
    """

    topic: str
    number: int
    received_ns: int
    stamp_ns: int
    frame_id: str
    encoding: str
    message: Any
    where: str

    def rgb(self) -> np.ndarray:
        """The pixels, (height, width, 3) uint8 RGB; raises DatasetError where they cannot be read."""
        message = self.message
        try:
            if hasattr(message, "format"):
                return compressed_to_rgb(message.format, message.data)
            return to_rgb(
                message.encoding, message.height, message.width, message.step, message.data, bool(message.is_bigendian)
            )
        except FrameError as error:
            raise DatasetError(f"{self.where}: {error}") from error


def bag_topics(path: Path) -> dict[str, BagTopic]:
    """The topics of a bag by name, in the order of their names; raises DatasetError where it cannot be read."""
    with opened_bag(path) as reader:
        found: dict[str, BagTopic] = {}
        for connection in sorted(reader.connections, key=lambda connection: connection.topic):
            known = found.get(connection.topic, BagTopic(connection.topic, connection.msgtype, 0))
            found[connection.topic] = BagTopic(known.name, known.type, known.count + connection.msgcount)
        return found


def image_topics(path: Path) -> list[str]:
    """The topics with images on them, one for each camera.

    A topic named as image_transport names compressed images, ``X/compressed``, is left out where ``X`` is there too.
    ``X/compressedDepth`` holds distances.

    Raises:
        DatasetError: the bag cannot be read, or holds no images.
    """
    topics = bag_topics(path)
    found = [topic.name for topic in topics.values() if topic.type in IMAGE_TYPES and topic.count]
    chosen = [
        name
        for name in found
        if base_topic(name) not in found or base_topic(name) == name
        if not name.endswith("/compressedDepth")
    ]
    if not chosen:
        others = ", ".join(f"{topic.name} ({topic.type}, {topic.count} messages)" for topic in topics.values())
        raise DatasetError(
            f"bag {path} has no images: no topic of type {' or '.join(IMAGE_TYPES)} with messages; "
            f"it has {others or 'no topic at all'}"
        )
    return chosen


def base_topic(topic: str) -> str:
    """The topic without image_transport's ending: ``/front/image_raw`` of ``/front/image_raw/compressed``."""
    return topic.removesuffix("/compressed")


class BagImages:
    """The images on some topics of a bag, in the order they were recorded; every iteration starts anew.

    Args:
        path: a rosbag2 folder, or the ``.mcap`` or ``.db3`` file in it.
        topics: of images, each with messages.

    Raises:
        DatasetError: the bag is missing or cannot be read, or lacks a topic. Iterating raises it for a message that is
            missing or cannot be deserialised.
    """

    def __init__(self, path: Path, topics: Sequence[str]) -> None:
        known = bag_topics(path)
        for topic in topics:
            if topic not in known or known[topic].type not in IMAGE_TYPES or not known[topic].count:
                names = ", ".join(name for name in known if known[name].type in IMAGE_TYPES) or "none at all"
                raise DatasetError(f"bag {path} has no images on topic {topic!r}; topics with images: {names}")
        self.path = path
        self.topics = tuple(topics)
        self._count = sum(known[topic].count for topic in topics)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[BagImage]:
        return self.read()

    def raw(self, start: int = 0) -> Iterator[BagMessage]:
        """The messages from number ``start`` on, unread."""
        with opened_bag(self.path) as reader:
            yield from self._messages(reader, start)

    def read(self, start: int = 0) -> Iterator[BagImage]:
        """The images from number ``start`` on; those before are passed over unread."""
        with opened_bag(self.path) as reader:
            types = {connection.topic: connection.msgtype for connection in reader.connections}
            for raw in self._messages(reader, start):
                where = f"bag {self.path}, message {raw.number} on {raw.topic}"
                with reading(self.path, f"message {raw.number} on {raw.topic}"):
                    message: Any = reader.deserialize(raw.data, types[raw.topic])
                stamp = message.header.stamp
                yield BagImage(
                    topic=raw.topic,
                    number=raw.number,
                    received_ns=raw.received_ns,
                    stamp_ns=stamp.sec * 10**9 + stamp.nanosec,
                    frame_id=message.header.frame_id,
                    encoding=message.format if types[raw.topic] == COMPRESSED_IMAGE_TYPE else message.encoding,
                    message=message,
                    where=where,
                )

    def _messages(self, reader: AnyReader, start: int) -> Iterator[BagMessage]:
        messages = islice(reader.messages(_connections(reader, self.topics)), start, None)
        for number in range(start, self._count):
            with reading(self.path, f"message {number}"):
                try:
                    connection, received_ns, data = next(messages)
                except StopIteration:
                    raise DatasetError(
                        f"bag {self.path} ends before message {number} of {self._count} on "
                        f"{', '.join(self.topics)}; it was cut short"
                    ) from None
            yield BagMessage(connection.topic, number, received_ns, bytes(data))


@contextmanager
def opened_bag(path: Path) -> Iterator[AnyReader]:
    """A reader of the bag; raises DatasetError where it is missing or cannot be opened."""
    if not path.exists():
        raise DatasetError(f"bag {path} does not exist")
    with reading(path):
        # Older bags carry no message definitions of their own.
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))
        reader.open()
    try:
        yield reader
    finally:
        reader.close()


def _connections(reader: AnyReader, topics: Collection[str]) -> list[Connection]:
    return [c for c in reader.connections if c.topic in topics and c.msgtype in IMAGE_TYPES]


@contextmanager
def reading(path: Path, part: str = "bag") -> Iterator[None]:
    """Turns whatever reading a bag raises into a DatasetError that names the bag and the part.

    A damaged file surfaces as the error of whichever decoder met the damage first (SQLite, YAML, struct, zstd, CDR …).
    """
    try:
        yield
    except DatasetError:
        raise
    except Exception as error:
        raise DatasetError(
            f"bag {path} cannot be read ({part}): {error}; expected a whole rosbag2, mcap or sqlite3"
        ) from error
