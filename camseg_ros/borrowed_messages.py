"""Messages of packages that not every machine has, or ours of the same fields."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from camseg_ros.msg import Float64Stamped, LabelInfo, VisionClass
else:
    try:
        from vision_msgs.msg import LabelInfo, VisionClass
    except ImportError:
        from camseg_ros.msg import LabelInfo, VisionClass
    try:
        from autoware_internal_debug_msgs.msg import Float64Stamped
    except ImportError:
        from camseg_ros.msg import Float64Stamped

__all__ = ["Float64Stamped", "LabelInfo", "VisionClass"]
