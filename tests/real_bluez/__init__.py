# SPDX-License-Identifier: Apache-2.0
"""The real kernel, bluetoothd and Home Assistant under a virtual clock.

User Mode Linux runs Debian's kernel Bluetooth, bluetoothd, dbus-daemon and Home
Assistant; only the controller chip, the air and the batteries are emulated.
Runs as `scripts/test-real-bluez`.
"""
