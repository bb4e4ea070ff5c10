# SPDX-License-Identifier: Apache-2.0
"""Custom components of Home Assistant; this repository holds one."""
