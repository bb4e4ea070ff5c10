# SPDX-License-Identifier: Apache-2.0
"""A Bluetooth adapter: an emulated controller that the guest's kernel drives."""

from dataclasses import dataclass
from typing import Final, override

from bumble import hci, ll
from bumble.controller import Connection
from bumble.hci import HCI_ErrorCode, HCI_LE_Advertising_Report_Event

from .air import Air
from .chip import Chip
from .vhci import VirtualController

ACTIVE_SCAN: Final = 1
ACL_LENGTH: Final = 251
_Kind = HCI_LE_Advertising_Report_Event.EventType


@dataclass(slots=True)
class Counters:
    """What an adapter has seen: commands of the host, reports to it, links made."""

    commands: int = 0
    resets: int = 0
    reports: int = 0
    connections: int = 0


class Adapter(Chip):
    """A 4.x dongle with a public address.

    `is_deaf`: commands are answered, the air is not heard. `is_deafened_by_scan`: the
    next scan that begins makes it deaf, until it is reset. `is_hung`: nothing is
    answered and nothing told, as a crashed firmware. `refusals`: the HCI status that
    answers a command, by opcode.
    """

    le_acl_data_packet_length = ACL_LENGTH

    def __init__(self, name: str, address: str, air: Air) -> None:
        """Prepare an adapter that is not plugged in yet."""
        self.address = hci.Address(address, hci.AddressType.PUBLIC_DEVICE)
        super().__init__(name, link=air, public_address=self.address)
        self.air = air
        self.is_deaf = False
        self.is_deafened_by_scan = False
        self.is_hung = False
        self.refusals: dict[int, int] = {}
        self.counters = Counters()
        self._host: VirtualController | None = None
        self._reported: set[tuple[bytes, int]] = set()
        self._is_cured_by_reset = False
        self._is_unheard = False

    @property
    def is_plugged(self) -> bool:
        """Tell whether the kernel has it."""
        return self._host is not None

    def plug(self) -> None:
        """Make the kernel see it; it takes the lowest free hci number."""
        if self._host is None:
            self._host = VirtualController(self.on_packet)
            self.set_packet_sink(self._host)

    def unplug(self) -> None:
        """Take it away from the kernel: links break, its state is that of a new one."""
        if self._host is not None:
            self.set_packet_sink(None)
            self._host.close()
            self._host = None
            self._forget()

    def _forget(self) -> None:
        """Return to the state after power-on."""
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(
                ll.TerminateInd(HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            )
        self.le_connections.clear()
        self.pending_le_connection = None
        self.le_scan_enable = False
        self._reported.clear()

    # What the host sends.

    @override
    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, hci.HCI_Command):
            self.counters.commands += 1
            if not self.is_hung and self._refuses(packet):
                return
        if not self.is_hung:
            super().on_hci_packet(packet)

    def _refuses(self, command: hci.HCI_Command) -> bool:
        status = self.refusals.get(command.op_code)
        if status is None:
            return False
        if isinstance(command, hci.HCI_SyncCommand):
            self.send_hci_packet(
                hci.HCI_Command_Complete_Event(
                    num_hci_command_packets=1,
                    command_opcode=command.op_code,
                    return_parameters=hci.HCI_StatusReturnParameters(
                        HCI_ErrorCode(status)
                    ),
                )
            )
        else:
            self._send_hci_command_status(status, command.op_code)
        return True

    @override
    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if not self.is_hung:
            super().send_hci_packet(packet)

    @override
    def on_hci_reset_command(
        self, _command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        self.counters.resets += 1
        self._forget()
        if self._is_cured_by_reset:
            self.is_deaf = self._is_cured_by_reset = False
        return super().on_hci_reset_command(_command)

    @override
    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        self._reported.clear()
        if command.le_scan_enable and self.is_deafened_by_scan:
            self.is_deafened_by_scan = False
            self.is_deaf = self._is_cured_by_reset = True
        return super().on_hci_le_set_scan_enable_command(command)

    @override
    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up the pending connection and tell so, as the standard asks (7.8.13)."""
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(
                HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            )
        self.pending_le_connection = None
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)

    # What the air brings.

    @property
    def _hears(self) -> bool:
        return self.is_plugged and not self.is_deaf and not self.is_hung

    def hear(
        self, address: hci.Address, data: bytes, scan_response: bytes | None, rssi: int
    ) -> None:
        """Take one advertisement, with its scan response unless that is lost."""
        if self._hears and self.le_scan_enable:
            self._report(address, data, scan_response, rssi)

    def awaits(self, address: hci.Address) -> bool:
        """Tell whether a device that was just heard is to be connected to."""
        pending = self.pending_le_connection
        return self._hears and pending is not None and pending.peer_address == address

    def connect(self, address: hci.Address, *, arrives: bool) -> Connection:
        """Make the link to a device that is awaited.

        To the host it is made as soon as it has been asked for, whether that arrives at
        the device or not.
        """
        self.counters.connections += 1
        self._is_unheard = not arrives
        self.create_le_connection(address)
        self._is_unheard = False
        return self.le_connections[address]

    @override
    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if not self._is_unheard:
            super().send_advertising_pdu(packet)

    def has(self, link: Connection) -> bool:
        """Tell whether a link is still there."""
        return self.le_connections.get(link.peer_address) is link

    def lose(self, link: Connection, reason: HCI_ErrorCode) -> None:
        """End a link on both sides, if it is still there."""
        if self.has(link):
            link.send_ll_control_pdu(ll.TerminateInd(reason))
            self.on_le_disconnected(link, reason)

    def _report(
        self, address: hci.Address, data: bytes, scan_response: bytes | None, rssi: int
    ) -> None:
        """Report an advertisement, and its scan response where the host asks for it."""
        reports = [(_Kind.ADV_IND, data)]
        if self.le_scan_type == ACTIVE_SCAN and scan_response is not None:
            reports.append((_Kind.SCAN_RSP, scan_response))
        for kind, contents in reports:
            if self.filter_duplicates:
                if (bytes(address), kind) in self._reported:
                    continue
                self._reported.add((bytes(address), kind))
            self.counters.reports += kind is _Kind.ADV_IND
            self.send_hci_packet(
                HCI_LE_Advertising_Report_Event(
                    [
                        HCI_LE_Advertising_Report_Event.Report(
                            event_type=kind,
                            address_type=address.address_type,
                            address=address,
                            data=contents,
                            rssi=rssi,
                        )
                    ]
                )
            )
