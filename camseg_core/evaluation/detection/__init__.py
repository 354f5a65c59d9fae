"""How well adverse frames are told from clear ones: a drift reference beside simple image statistics."""
