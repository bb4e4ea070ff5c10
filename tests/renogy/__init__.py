"""Tests of the device library."""
