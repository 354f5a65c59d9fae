"""The calibrations that were recorded beside the images of a bag."""

from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from camseg_core.data.sources.bag_images import base_topic, opened_bag, reading
from camseg_core.replay.cameras import Camera
from camseg_core.replay.messages import CAMERA_INFO_TYPE


class Calibrations:
    """``sensor_msgs/CameraInfo`` of cameras, from the topic ``camera_info`` beside their images.

    Args:
        path: the bag; it can be read.
        cameras: whose.

    Raises:
        DatasetError: the bag or a calibration in it cannot be read.
    """

    def __init__(self, path: Path, cameras: Sequence[Camera]) -> None:
        names = {f"{base_topic(camera.topic).rpartition('/')[0]}/camera_info": camera.name for camera in cameras}
        self._times_ns: dict[str, list[int]] = {name: [] for name in names.values()}
        self._messages: dict[str, list[Any]] = {name: [] for name in names.values()}
        with opened_bag(path) as reader, reading(path, "calibrations"):
            connections = [c for c in reader.connections if c.topic in names and c.msgtype == CAMERA_INFO_TYPE]
            for connection, time_ns, data in reader.messages(connections) if connections else ():
                name = names[connection.topic]
                with reading(path, f"message {len(self._messages[name])} on {connection.topic}, for camera_info"):
                    self._messages[name].append(reader.deserialize(data, connection.msgtype))
                self._times_ns[name].append(time_ns)

    def newest(self, camera: str, time_ns: int) -> Any | None:
        """What was recorded last up to a time, or else first after it; None for a camera without calibration."""
        messages = self._messages[camera]
        index = bisect_right(self._times_ns[camera], time_ns) - 1
        return messages[max(index, 0)] if messages else None
