"""ROS 2 nodes around camseg_core: messages in and out, parameters, replay. Knows no tensor layout."""

from pkgutil import extend_path

# Run from the source tree, this folder comes before the installed package of the same name, and only that one holds the
# generated `camseg_ros.msg`; joining the two makes both importable.
__path__ = extend_path(__path__, __name__)
