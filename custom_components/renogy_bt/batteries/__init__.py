# SPDX-License-Identifier: Apache-2.0
"""A bank and its batteries in Home Assistant: devices and actions."""
