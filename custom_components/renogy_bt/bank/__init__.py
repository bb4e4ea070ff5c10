"""A bank of batteries as one thing; free of Home Assistant."""
