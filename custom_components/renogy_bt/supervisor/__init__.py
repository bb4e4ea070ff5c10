"""Adapter health in Home Assistant: one supervisor for all banks."""
