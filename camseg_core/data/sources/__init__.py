"""Streams of frames: a folder of images, a rosbag2, the built-in clip."""

from camseg_core.data.sources.selection import open_source
from camseg_core.data.sources.source_frame import FrameSource, SourceFrame

__all__ = ["FrameSource", "SourceFrame", "open_source"]
