# SPDX-License-Identifier: Apache-2.0
"""The air between controllers."""

import asyncio
from typing import Any, override

from bumble import hci
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink


class Air(LocalLink):
    """Carries packets between controllers, in the order in which they were added.

    Bumble's own link takes a connected sender's random address for the source of its
    data; a central that uses its public address is then not recognised by its peer.
    """

    def __init__(self) -> None:
        """Begin with nobody there."""
        super().__init__()
        self.controllers: Any = {}

    @override
    def add_controller(self, controller: Controller) -> None:
        self.controllers[controller] = None

    @override
    def remove_controller(self, controller: Controller) -> None:
        self.controllers.pop(controller, None)

    @override
    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        if transport is not PhysicalTransport.LE:
            return
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None:
            return
        asyncio.get_running_loop().call_soon(
            receiver.on_link_acl_data, connection.self_address, transport, data
        )
