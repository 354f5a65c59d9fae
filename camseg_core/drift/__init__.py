"""Embedding drift: how far a frame is from clear driving."""
