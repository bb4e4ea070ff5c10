# SPDX-License-Identifier: Apache-2.0
"""Renogy lithium batteries over Bluetooth: framing, registers, decoding, polling.

Free of Home Assistant. The protocol facts are numbered as in the protocol document
(for instance "protocol 1.5").
"""
