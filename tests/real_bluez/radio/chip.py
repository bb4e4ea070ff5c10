# SPDX-License-Identifier: Apache-2.0
"""What the adapters and the dongles have in common: a Bluetooth 4.x chip."""

from typing import override

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.hci import LeFeatureMask


class Chip(Controller):
    """Scans, advertises and connects the legacy way.

    What arrives for a link that is no more, or that was never made on this side, is lost.
    """

    le_features = LeFeatureMask.LE_ENCRYPTION

    @override
    def on_ll_control_pdu(
        self, sender_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        if sender_address in self.le_connections:
            super().on_ll_control_pdu(sender_address, packet)

    @override
    def on_link_acl_data(
        self, sender_address: hci.Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        if sender_address in self.le_connections:
            super().on_link_acl_data(sender_address, transport, data)

    @override
    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        if connection.peer_address in self.le_connections:
            super().on_le_disconnected(connection, reason)
