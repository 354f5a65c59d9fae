"""The report of a run of the node: its numbers, one self-contained page, and the video."""
