"""Training: the loop, batches, augmentation, checkpoints; a stage is a task handed to the loop."""
