"""Inference in int8 on a CPU: ranges found on frames, rounding put into the model, OpenVINO to compute it."""
