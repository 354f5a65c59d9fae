"""What the node costs and withstands, measured on real processes over real DDS; the ROS part of ``camseg bench``."""
