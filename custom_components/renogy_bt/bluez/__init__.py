# SPDX-License-Identifier: Apache-2.0
"""What bluetoothd tells over D-Bus; free of Home Assistant."""
