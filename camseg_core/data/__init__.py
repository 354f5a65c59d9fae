"""Datasets with labels and streams of frames."""
