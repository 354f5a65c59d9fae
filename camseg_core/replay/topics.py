"""What a camera is called, and the topics that its results go to: the node's."""

from camseg_core.data.sources.bag_images import base_topic

NODE_NAME = "camseg"


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
