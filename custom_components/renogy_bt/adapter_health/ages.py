"""How long things are remembered: lengths of time, s."""

HOUR = 3600.0
DAY = 24 * HOUR
