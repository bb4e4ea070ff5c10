# SPDX-License-Identifier: Apache-2.0
"""Fuzzing of everything that takes bytes from outside: `scripts/fuzz --help`.

A target takes any bytes and fails by an exception. The normal tests run every target over its
seeds, over what was once found, and over what Hypothesis thinks of; atheris looks further.
"""
