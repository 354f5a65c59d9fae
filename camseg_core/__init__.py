"""CAM-Seg: semantic segmentation as generation in a continuous latent space. Imports nothing of ROS."""

__version__ = "0.1.0"
