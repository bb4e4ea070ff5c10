"""Tests of the dashboard that the integration makes."""
