"""Small bags, and an engine without a network whose results follow from the image and from all frames before it."""

import json
from pathlib import Path

import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from camseg_core.drift.detector import DriftDetector
from camseg_core.frames import DriftResult, DriftState, FrameResult
from camseg_core.labels import CAMVID
from camseg_core.replay.messages import MessageFactory

TYPES = get_typestore(Stores.ROS2_JAZZY)
IMAGE = "sensor_msgs/msg/Image"
START_NS, PERIOD_NS = 1_700_000_000_000_000_000, 200_000_000
HEIGHT, WIDTH = 24, 32
WARN, ERROR = 100.0, 200.0
CLASSES = len(CAMVID)


def stamp_of(index):
    return START_NS + index * PERIOD_NS


def frame_pixels(index, green=0):
    """An image whose class ids, by FakeEngine, are its red channel, and whose drift score is its first green value."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = (np.arange(WIDTH) + index) % CLASSES
    pixels[..., 1] = green
    pixels[..., 2] = 90
    return pixels


def image_message(pixels, stamp_ns, encoding="rgb8", frame_id="front_optical"):
    stamp = TYPES.types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return TYPES.types[IMAGE](
        header=TYPES.types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels.size // pixels.shape[0],
        data=np.ascontiguousarray(pixels).reshape(-1),
    )


def write_bag(path, messages, storage="mcap", received_ns=None):
    """A bag of (topic, image message) pairs; a message is received at the time given, or else 3 ms after its stamp."""
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connections = {}
        for number, (topic, message) in enumerate(messages):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, IMAGE, typestore=TYPES)
            stamp = message.header.stamp
            time_ns = received_ns[number] if received_ns else stamp.sec * 10**9 + stamp.nanosec + 3_000_000
            writer.write(connections[topic], time_ns, TYPES.serialize_cdr(message, IMAGE))
    return path


def drive(path, scores, topic="/camera/image_raw", storage="mcap"):
    """A bag with one camera, whose frames have these drift scores by FakeEngine."""
    frames = [(topic, image_message(frame_pixels(n, score), stamp_of(n))) for n, score in enumerate(scores)]
    return write_bag(path, frames, storage)


def read_outputs(folder):
    """(topic, time of recording, message) of all messages in a bag."""
    with AnyReader([folder], default_typestore=MessageFactory().types) as reader:
        return [(c.topic, t, reader.deserialize(data, c.msgtype)) for c, t, data in reader.messages()]


def contents(folder):
    """Every file of a folder by name, without what belongs to the run."""
    files = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.name == "summary.json":
            files[path.name] = {**json.loads(path.read_text()), "run": None}
        elif path.is_file() and path.name != "report.html":
            files[str(path.relative_to(folder))] = path.read_bytes()
    return files


def counting_detector():
    """A detector that only counts its frames; a replay that forgets them is found out."""
    detector = DriftDetector.__new__(DriftDetector)
    detector.frames = 0
    return detector


class FakeEngine:
    """Class ids are the red channel, the score is the first green value; the statistic counts the camera's frames."""

    model_id = "fake-model"
    device = "cpu"
    label_set = CAMVID

    def __init__(self, fail_at=None):
        self.drift_detectors = {}
        self.inferred = 0
        self._fail_at = fail_at

    def infer(self, frame, with_confidence=False):
        if self.inferred == self._fail_at:
            raise KeyboardInterrupt
        self.inferred += 1
        detector = self.drift_detectors.setdefault(frame.camera, counting_detector())
        detector.frames += 1
        score = float(frame.image[0, 0, 1])
        drift = DriftResult(
            score=score,
            method="mahalanobis",
            p_value=0.25,
            warn_threshold=WARN,
            error_threshold=ERROR,
            state=DriftState(1 + (score >= WARN) + (score >= ERROR)),
            state_since_ns=frame.stamp_ns,
            reference_id="fake-reference",
            model_id=self.model_id,
            sequential_statistic=float(detector.frames),
            region_rows=1,
            region_columns=2,
            region_scores=(score, 0.5),
            causes={"fog": 0.75, "rain": 0.25} if score >= WARN else {},
        )
        confidence = frame.image[..., 2] / np.float32(255.0) if with_confidence else None
        return FrameResult(frame.image[..., 0], drift, 0.001, confidence)
