"""Evaluation of recorded drives: every frame of a bag through the node's conversion, model and drift detector."""
