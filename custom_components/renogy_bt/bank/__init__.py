# SPDX-License-Identifier: Apache-2.0
"""A bank of batteries as one thing; free of Home Assistant."""
