"""Tests of the adapter health."""
