"""Every image of a bag through the engine, into the journal."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from camseg_core.data.sources.bag_images import BagImages
from camseg_core.drawing import confidence_bytes
from camseg_core.frames import Frame
from camseg_core.replay.cameras import Camera
from camseg_core.replay.journal import FrameEntry, Journal

if TYPE_CHECKING:
    from camseg_core.runtime.engine import InferenceEngine

COMMIT_PERIOD_S = 2.0
"""How much work a kill may cost."""


def infer_images(
    engine: "InferenceEngine",
    images: BagImages,
    cameras: Sequence[Camera],
    journal: Journal,
    with_confidence: bool = False,
    commit_period_s: float = COMMIT_PERIOD_S,
) -> None:
    """Goes on from the journal's last commit to the end of the bag.

    Args:
        engine: what infers; its drift detectors become those of the journal.
        images: of all cameras, in the order they were recorded.
        cameras: whose they are.
        journal: gets an entry for every image.
        with_confidence: whether entries hold it.
        commit_period_s: seconds between commits; 0 commits after each image.

    Raises:
        DatasetError: an image cannot be read.
    """
    engine.drift_detectors.clear()
    engine.drift_detectors.update(journal.detectors())
    start = journal.next_number
    names = {camera.topic: camera.name for camera in cameras}
    committed_s = time.monotonic()
    progress = tqdm(
        images.read(start), desc=images.path.name, unit="frame", initial=start, total=len(images), file=sys.stderr
    )
    for image in progress:
        camera = names[image.topic]
        result = engine.infer(Frame(image.rgb(), image.stamp_ns, camera), with_confidence)
        journal.append(
            FrameEntry(
                number=image.number,
                camera=camera,
                received_ns=image.received_ns,
                stamp_ns=image.stamp_ns,
                frame_id=image.frame_id,
                labels=result.labels,
                drift=result.drift,
                inference_s=result.inference_s,
                confidence=None if result.confidence is None else confidence_bytes(result.confidence),
            )
        )
        if time.monotonic() - committed_s >= commit_period_s:
            journal.commit(engine.drift_detectors)
            committed_s = time.monotonic()
    journal.commit(engine.drift_detectors)
