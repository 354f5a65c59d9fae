"""A plain discriminative network beside CAM-Seg: the same features and blocks, a classifier where CAM-Seg draws."""
