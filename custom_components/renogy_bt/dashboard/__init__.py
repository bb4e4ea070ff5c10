# SPDX-License-Identifier: Apache-2.0
"""A dashboard for the banks that are there, made of Home Assistant's own cards only."""
