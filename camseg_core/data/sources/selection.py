"""From the options a person gives to the stream they mean."""

import math
from pathlib import Path

from camseg_core.data.sources.bag import BagSource
from camseg_core.data.sources.image_folder import ImageFolder
from camseg_core.data.sources.rendered_clip import RenderedClip
from camseg_core.data.sources.source_frame import FrameSource
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID, LabelSet


def open_source(
    images: Path | None = None,
    labels: Path | None = None,
    bag: Path | None = None,
    topic: str | None = None,
    *,
    rate_hz: float,
    seed: int = 0,
    label_set: LabelSet = CAMVID,
) -> FrameSource:
    """Opens a folder of frames, a bag, or, with neither, the built-in clip.

    Args:
        images: folder of frames.
        labels: folder of their label images, of the ids ``ImageFolder`` describes.
        bag: rosbag2 folder or file.
        topic: the bag's camera topic; None takes the only one.
        rate_hz: frames a second of a folder or of the built-in clip, above 0; a bag has its own stamps.
        seed: of the built-in clip.
        label_set: the classes the label ids mean.

    Raises:
        ConfigurationError: options that contradict each other, or a rate that is no positive number.
        DatasetError: the folder or bag is missing, empty or cannot be read.
    """
    if not (math.isfinite(rate_hz) and rate_hz > 0.0):
        raise ConfigurationError(f"rate {rate_hz} Hz; expected a finite number above 0")
    if images is not None and bag is not None:
        raise ConfigurationError(f"images {images} and bag {bag} are both given; expected one of them")
    if labels is not None and images is None:
        raise ConfigurationError(f"labels {labels} are given without images; expected the folder of their frames too")
    if topic is not None and bag is None:
        raise ConfigurationError(f"topic {topic!r} is given without a bag; expected the bag it is in")
    if images is not None:
        return ImageFolder(images, labels, rate_hz, label_set)
    if bag is not None:
        return BagSource(bag, topic)
    return RenderedClip(seed=seed, rate_hz=rate_hz)
