# SPDX-License-Identifier: Apache-2.0
"""Tests of the dashboard that the integration makes."""
