# SPDX-License-Identifier: Apache-2.0
"""A real Home Assistant on the emulated Bluetooth world, ready to look at or to check."""
