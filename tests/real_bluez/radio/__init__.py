# SPDX-License-Identifier: Apache-2.0
"""The emulated radio: controllers on /dev/vhci, the air, and batteries behind dongles.

It runs in the guest as a process of its own: `python -m tests.real_bluez.radio`.
"""
