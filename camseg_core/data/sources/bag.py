"""One camera's images of a recorded rosbag2 as a stream of frames."""

from collections.abc import Iterator
from pathlib import Path

from camseg_core.data.sources.bag_images import BagImages, image_topics
from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.errors import DatasetError


class BagSource:
    """The images of one topic, raw or compressed, in the order they were recorded, stamped by the camera.

    Args:
        path: a rosbag2 folder, or the ``.mcap`` or ``.db3`` file in it.
        topic: the camera's topic; None takes the only image topic there is.

    Raises:
        DatasetError: the bag is missing, cannot be read, or holds no such images; there are several image topics and
            ``topic`` names none of them. Iterating raises it for a message that cannot be decoded.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        if topic is None:
            found = image_topics(path)
            if len(found) > 1:
                raise DatasetError(
                    f"bag {path} has {len(found)} image topics, {', '.join(found)}; expected --topic to choose one"
                )
            topic = found[0]
        self._topic = topic
        self._images = BagImages(path, [topic])

    @property
    def topic(self) -> str:
        """The topic the images are read from."""
        return self._topic

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[SourceFrame]:
        for image in self._images:
            yield SourceFrame(image=image.rgb(), stamp_ns=image.stamp_ns, labels=None, weather=None)
