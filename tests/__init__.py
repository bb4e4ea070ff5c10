# SPDX-License-Identifier: Apache-2.0
"""Tests of the integration, in folders that mirror its own."""
