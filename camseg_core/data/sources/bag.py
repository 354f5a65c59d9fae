"""The camera images of a recorded rosbag2."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import DatasetError, FrameError
from camseg_core.runtime.pixel_formats import to_rgb

IMAGE_TYPE = "sensor_msgs/msg/Image"


class BagSource:
    """The ``sensor_msgs/msg/Image`` messages of one topic, in the order they were recorded, stamped by the camera.

    Args:
        path: a rosbag2 folder, or the ``.mcap`` or ``.db3`` file in it.
        topic: the camera's topic; None takes the only image topic there is.

    Raises:
        DatasetError: the bag is missing, cannot be read, or holds no such images; there are several image topics and
            ``topic`` names none of them. Iterating raises it for a message that cannot be decoded.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        if not path.exists():
            raise DatasetError(f"bag {path} does not exist")
        self._path = path
        with _reading(path), _open(path) as reader:
            found = _choose_topic(path, reader.connections, topic)
            self._topic = found
            self._count = sum(connection.msgcount for connection in _connections(reader, found))
        if not self._count:
            raise DatasetError(f"bag {path} holds no message on {self._topic}")

    @property
    def topic(self) -> str:
        """The topic the images are read from."""
        return self._topic

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SourceFrame]:
        reader = _open(self._path)
        with _reading(self._path):
            reader.open()
        try:
            messages = reader.messages(_connections(reader, self._topic))
            for index in range(self._count):
                yield self._decode(reader, messages, index)
        finally:
            reader.close()

    def _decode(self, reader: AnyReader, messages: Iterator, index: int) -> SourceFrame:
        with _reading(self._path, f"message {index} on {self._topic}"):
            _, _, data = next(messages)
            message: Any = reader.deserialize(data, IMAGE_TYPE)
            image = to_rgb(
                message.encoding, message.height, message.width, message.step, message.data, bool(message.is_bigendian)
            )
        stamp = message.header.stamp
        return SourceFrame(image=image, stamp_ns=stamp.sec * 10**9 + stamp.nanosec, labels=None, weather=None)


def _open(path: Path) -> AnyReader:
    # Older bags carry no message definitions of their own.
    return AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))


def _connections(reader: AnyReader, topic: str) -> list[Connection]:
    return [c for c in reader.connections if c.topic == topic and c.msgtype == IMAGE_TYPE]


def _choose_topic(path: Path, connections: list[Connection], topic: str | None) -> str:
    found = sorted({connection.topic for connection in connections if connection.msgtype == IMAGE_TYPE})
    if not found:
        others = sorted({f"{connection.topic} ({connection.msgtype})" for connection in connections})
        raise DatasetError(
            f"bag {path} has no topic of type {IMAGE_TYPE}; it has {', '.join(others) or 'no topic at all'}"
        )
    if topic is None and len(found) > 1:
        raise DatasetError(
            f"bag {path} has {len(found)} image topics, {', '.join(found)}; expected --topic to choose one"
        )
    if topic is not None and topic not in found:
        raise DatasetError(f"bag {path} has no images on topic {topic!r}; expected one of {', '.join(found)}")
    return found[0] if topic is None else topic


@contextmanager
def _reading(path: Path, part: str = "bag") -> Iterator[None]:
    """Turns whatever reading raises into a DatasetError that names the bag.

    A damaged file surfaces as the error of whichever decoder met the damage first (SQLite, YAML, struct, zstd, CDR …).
    """
    try:
        yield
    except DatasetError:
        raise
    except FrameError as error:
        raise DatasetError(f"bag {path}, {part}: {error}") from error
    except StopIteration:
        raise DatasetError(f"bag {path} ends before {part}; it was cut short") from None
    except Exception as error:
        raise DatasetError(
            f"bag {path} cannot be read ({part}): {error}; expected a whole rosbag2, mcap or sqlite3"
        ) from error
