"""The topics of a replay: the camera's, and what the node publishes."""

NODE_NAME = "camseg"

CAMERA = "/camera/image_raw"
MASK = f"/{NODE_NAME}/mask"
MASK_COLOR = f"/{NODE_NAME}/mask_color"
OVERLAY = f"/{NODE_NAME}/overlay"
DRIFT = f"/{NODE_NAME}/drift"
DRIFT_SCORE = f"/{NODE_NAME}/drift/score"
DIAGNOSTICS = "/diagnostics"

OUTPUTS = (MASK, MASK_COLOR, OVERLAY, DRIFT, DRIFT_SCORE)
"""What the node publishes once for each frame."""
