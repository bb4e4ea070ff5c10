# SPDX-License-Identifier: Apache-2.0
"""The ways of a value and of a fault through the files of the product, traced and counted.

`python -m tests.ways` traces both on real runs and prints them; `tests/stack/test_ways.py` holds
them to their limits and to `docs/architecture.md`.
"""
