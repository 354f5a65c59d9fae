"""The cameras of a bag: which topics are segmented, and which hold the true labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from camseg_core.data.sources.bag_images import BagImage, BagImages, bag_topics, image_topics
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import LABEL_SETS, UNLABELLED
from camseg_core.replay.drift_message import DRIFT_TYPE
from camseg_core.replay.topics import camera_of_topic, is_output_topic, node_camera

_LARGEST_VOID = max(len(label_set) for label_set in LABEL_SETS.values())


@dataclass(frozen=True)
class Camera:
    """One camera of a bag.

    Attributes:
        name: what drift and reports call it.
        topic: its images.
        label_topic: its true labels, mono8 images with equal stamps; None without.
    """

    name: str
    topic: str
    label_topic: str | None = None


def find_cameras(path: Path, topics: Sequence[str] = (), label_topics: Sequence[str] = ()) -> tuple[Camera, ...]:
    """The cameras of a bag.

    By type: every topic with images is a camera, except label topics, what a segmentation node published into the same
    bag, and a compressed copy of a topic that is there raw.

    Args:
        path: the bag.
        topics: of the cameras; empty takes all.
        label_topics: of true labels: ``TOPIC`` where there is one camera, otherwise ``CAMERA_TOPIC=TOPIC``.

    Raises:
        DatasetError: the bag cannot be read, has no such images, or they cannot be decoded; or images look like labels.
        ConfigurationError: a label topic does not say of which camera, a camera has several or two have the same, or
            two cameras have the same name for a node.
    """
    labels_of = _labels_of(label_topics)
    chosen = list(topics) or _by_type(path, set(labels_of.values()))
    if "" in labels_of:
        if len(chosen) > 1:
            raise ConfigurationError(
                f"label topic {labels_of['']!r} names no camera, and bag {path} has {len(chosen)}: "
                f"{', '.join(chosen)}; expected CAMERA_TOPIC=LABEL_TOPIC"
            )
        labels_of = {chosen[0]: labels_of[""]}
    if unknown := sorted(labels_of.keys() - set(chosen)):
        raise ConfigurationError(
            f"label topic {labels_of[unknown[0]]!r} is given for {unknown[0]!r}; expected one of {', '.join(chosen)}"
        )
    cameras = tuple(Camera(camera_of_topic(topic), topic, labels_of.get(topic)) for topic in chosen)
    firsts = {camera.topic: _first_image(path, camera.topic) for camera in cameras}
    for camera in cameras:
        first = firsts[camera.topic]
        if not topics and _looks_like_labels(first):
            raise DatasetError(
                f"{first.where}: mono8 image of class ids alone; expected a camera's. "
                f"If these are true labels: --label-topic {camera.topic}; if not, choose with --camera-topic"
            )
        try:
            first.rgb()
        except DatasetError as error:
            if topics:
                raise
            raise DatasetError(f"{error}. If this is no camera to segment, choose with --camera-topic") from error
        if camera.label_topic is not None:
            label_ids(_first_image(path, camera.label_topic))
    for camera in cameras:
        name = node_camera(camera.name)
        same = [other.topic for other in cameras if node_camera(other.name) == name]
        if len(same) > 1:
            raise ConfigurationError(
                f"topics {' and '.join(same)} of bag {path} belong to the same camera, {name!r} on the topics of the "
                "outputs; expected --camera-topic to choose one"
            )
    return cameras


def _labels_of(options: Sequence[str]) -> dict[str, str]:
    """Label topics by the topics of their cameras, the only camera's by the empty string where it is not named."""
    split = [_split(option) for option in options]
    labels_of = dict(split)
    # No topic is given twice, nor is a camera, nor does a topic of the only camera stand beside others.
    if len(set(labels_of.values())) < len(split) or ("" in labels_of and len(split) > 1):
        raise ConfigurationError(
            f"label topics {', '.join(options)} are given; expected one of its own for each camera, "
            "CAMERA_TOPIC=LABEL_TOPIC, or TOPIC alone where there is one camera"
        )
    return labels_of


def _split(option: str) -> tuple[str, str]:
    camera, separator, topic = option.rpartition("=")
    if separator and not (camera and topic):
        raise ConfigurationError(f"label topic {option!r}; expected TOPIC or CAMERA_TOPIC=TOPIC")
    return camera, topic


def _by_type(path: Path, label_topics: set[str]) -> list[str]:
    nodes = [topic.name.removesuffix("drift") for topic in bag_topics(path).values() if topic.type == DRIFT_TYPE]
    found = [
        topic
        for topic in image_topics(path)
        if topic not in label_topics
        # A node's drift tells the node, whatever it is called; where drift was not recorded, only the name does.
        if not is_output_topic(topic) and not any(topic.startswith(node) for node in nodes)
    ]
    if not found:
        raise DatasetError(
            f"bag {path} has no camera: its images, on {', '.join(image_topics(path))}, are labels or outputs of a "
            "segmentation node; expected --camera-topic to choose one all the same"
        )
    return found


def _first_image(path: Path, topic: str) -> BagImage:
    return next(iter(BagImages(path, [topic])))


def _looks_like_labels(image: BagImage) -> bool:
    """Whether a mono8 image holds nothing but class ids, more than one of them: no camera's picture is that dark."""
    if image.encoding != "mono8":
        return False
    values = np.unique(label_ids(image))
    return len(values) > 1 and bool(np.all((values <= _LARGEST_VOID) | (values == UNLABELLED)))


def label_ids(image: BagImage) -> np.ndarray:
    """The class ids in a label message, (height, width) uint8; raises DatasetError where it is not mono8."""
    if image.encoding != "mono8":
        raise DatasetError(f"{image.where}: encoding {image.encoding!r}; expected mono8 class ids")
    return image.rgb()[..., 0]
