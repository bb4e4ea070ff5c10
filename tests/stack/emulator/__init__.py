"""Tests of the emulated world itself."""
