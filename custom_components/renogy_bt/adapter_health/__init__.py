# SPDX-License-Identifier: Apache-2.0
"""Health of one Bluetooth adapter, judged and climbed for; pure, with the clock passed in."""
