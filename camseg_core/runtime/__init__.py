"""Running a model on frames: engine, device, precision, pixel formats."""
