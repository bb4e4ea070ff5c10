"""A dashboard for the banks that are there, made of Home Assistant's own cards only."""
