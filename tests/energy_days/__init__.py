"""Emulated days of batteries whose energy is known, and how exactly it is counted."""
