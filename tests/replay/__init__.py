"""Runs what people sent, a diagnostics file or the report of a probe, once more."""
