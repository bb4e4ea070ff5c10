# SPDX-License-Identifier: Apache-2.0
"""Adapter health in Home Assistant: one supervisor for all banks."""
