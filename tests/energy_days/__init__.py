# SPDX-License-Identifier: Apache-2.0
"""Emulated days of batteries whose energy is known, and how exactly it is counted."""
