# SPDX-License-Identifier: Apache-2.0
"""The local Bluetooth adapters in Home Assistant: devices and recovery."""
