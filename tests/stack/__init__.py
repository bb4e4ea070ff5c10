# SPDX-License-Identifier: Apache-2.0
"""The real Bluetooth stack on the emulated world; needs a dbus-daemon, no kernel Bluetooth."""
