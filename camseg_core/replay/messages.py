"""The node's output messages without ROS, through rosbags' types."""

from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from camseg_core.data.sources.bag_images import IMAGE_TYPE
from camseg_core.frames import DriftResult
from camseg_core.labels import LabelSet
from camseg_core.replay.drift_message import DRIFT_TYPE, NS_PER_S, drift_fields

SCORE_TYPE = "std_msgs/msg/Float32"
CAMERA_INFO_TYPE = "sensor_msgs/msg/CameraInfo"
LABEL_INFO_TYPE = "vision_msgs/msg/LabelInfo"

_LABEL_INFO = "std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold\n"
_VISION_CLASS = "uint16 class_id\nstring class_name\n"

_CHANNELS = {"mono8": 1, "rgb8": 3, "bgr8": 3}


class MessageFactory:
    """Makes serialised messages (CDR), field for field what the node publishes."""

    def __init__(self) -> None:
        self.types = get_typestore(Stores.ROS2_JAZZY)
        """All of Jazzy's messages and ours."""
        # Laid beside the code, because msg/ is not part of what pip installs; a test says that the two are equal.
        definition = files("camseg_core.replay").joinpath("EmbeddingDrift.msg").read_text()
        self.types.register(get_types_from_msg(definition, DRIFT_TYPE))
        self.types.register(get_types_from_msg(_VISION_CLASS, "vision_msgs/msg/VisionClass"))
        self.types.register(get_types_from_msg(_LABEL_INFO, LABEL_INFO_TYPE))

    def header(self, stamp_ns: int, frame_id: str) -> Any:
        """``std_msgs/Header``, for the other messages."""
        return self.types.types["std_msgs/msg/Header"](stamp=self._time(stamp_ns), frame_id=frame_id)

    def image(self, pixels: np.ndarray, encoding: str, header: Any) -> bytes:
        """``sensor_msgs/Image`` without row padding; uint8 (height, width) for mono8, with 3 channels for colours."""
        height, width = pixels.shape[:2]
        return self._serialize(
            IMAGE_TYPE,
            header=header,
            height=height,
            width=width,
            encoding=encoding,
            is_bigendian=0,
            step=width * _CHANNELS[encoding],
            data=np.ascontiguousarray(pixels).reshape(-1),
        )

    def drift(self, drift: DriftResult, camera: str, header: Any, latency_s: float) -> bytes:
        """``camseg_ros/EmbeddingDrift``; arguments as for ``drift_fields``."""
        fields = drift_fields(drift, camera, latency_s)
        for name in ("region_scores", "cause_probabilities"):
            fields[name] = np.array(fields[name], dtype=np.float32)
        since = self._time(drift.state_since_ns)
        return self._serialize(DRIFT_TYPE, header=header, state_since=since, **fields)

    def score(self, drift: DriftResult) -> bytes:
        """``std_msgs/Float32`` with the score."""
        return self._serialize(SCORE_TYPE, data=float(drift.score))

    def camera_info(self, info: Any, header: Any) -> bytes:
        """``sensor_msgs/CameraInfo`` of rosbags' type, with another header."""
        return bytes(self.types.serialize_cdr(replace(info, header=header), CAMERA_INFO_TYPE))

    def label_info(self, label_set: LabelSet, header: Any) -> bytes:
        """``vision_msgs/LabelInfo`` with the classes of a label set."""
        vision_class = self.types.types["vision_msgs/msg/VisionClass"]
        classes = [vision_class(class_id=index, class_name=name) for index, name in enumerate(label_set.names)]
        return self._serialize(LABEL_INFO_TYPE, header=header, class_map=classes, threshold=0.0)

    def _serialize(self, kind: str, **fields: Any) -> bytes:
        return bytes(self.types.serialize_cdr(self.types.types[kind](**fields), kind))

    def _time(self, time_ns: int) -> Any:
        seconds, nanoseconds = divmod(time_ns, NS_PER_S)
        return self.types.types["builtin_interfaces/msg/Time"](sec=seconds, nanosec=nanoseconds)
