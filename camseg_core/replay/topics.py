"""What a camera is called, and the topics that its results go to: the node's."""

from camseg_core.data.sources.bag_images import IMAGE_TYPE, base_topic
from camseg_core.replay.drift_message import DRIFT_TYPE
from camseg_core.replay.messages import CAMERA_INFO_TYPE, LABEL_INFO_TYPE, SCORE_TYPE

NODE_NAME = "camseg"

CAMERA_INFO, LABEL_INFO = "camera_info", "label_info"

OUTPUT_TYPES = {
    "mask": IMAGE_TYPE,
    "mask_color": IMAGE_TYPE,
    "overlay": IMAGE_TYPE,
    "confidence": IMAGE_TYPE,
    "drift": DRIFT_TYPE,
    "drift/score": SCORE_TYPE,
    "drift/heatmap": IMAGE_TYPE,
    CAMERA_INFO: CAMERA_INFO_TYPE,
    LABEL_INFO: LABEL_INFO_TYPE,
}
"""Outputs of the node that a bag can hold, with their types."""


def camera_of_topic(topic: str) -> str:
    """The camera that an image topic belongs to: its namespace, ``front`` of ``/front/image_raw``, or ``camera``."""
    return base_topic(topic).rpartition("/")[0].strip("/") or "camera"


def node_camera(camera: str) -> str:
    """What a node calls a camera, in its topics too: no name there has a slash."""
    return camera.replace("/", "_")


def output_topic(output: str, camera: str | None) -> str:
    """A topic of the node.

    Args:
        output: ``mask``, ``drift`` and so on.
        camera: whose; None where the node serves a single camera.
    """
    return "/".join(["", NODE_NAME, *([] if camera is None else [node_camera(camera)]), output])


def is_output_topic(topic: str) -> bool:
    """Whether images on a topic are an output, by its name: of a node in any namespace that is called as ours is."""
    outputs = tuple(f"/{output}" for output in OUTPUT_TYPES)
    return f"/{NODE_NAME}/" in topic and base_topic(topic).endswith(outputs)
