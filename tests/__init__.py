"""Tests of the integration, in folders that mirror its own."""
