"""How fast inference is, and how fast this device would let it be."""
