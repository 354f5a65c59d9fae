"""Procedural drives with exact labels and metric depth."""

from camseg_core.rendering.camera import PinholeCamera
from camseg_core.rendering.drive import SPEED_MPS, Drive, RenderedFrame

__all__ = ["SPEED_MPS", "Drive", "PinholeCamera", "RenderedFrame"]
