"""CAM-Seg: continuous-latent, image-conditioned generation of semantic masks (arXiv 2503.15617)."""
