# SPDX-License-Identifier: Apache-2.0
"""Runs what people sent, a diagnostics file or the report of a probe, once more."""
