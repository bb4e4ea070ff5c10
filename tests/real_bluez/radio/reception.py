# SPDX-License-Identifier: Apache-2.0
"""What strength does to an adapter: advertisements are lost, connects fail, links break."""

from dataclasses import dataclass
from typing import Final

from bumble.controller import Connection
from bumble.hci import HCI_ErrorCode

from tests.emulator.radio import RECHECK_SECONDS, Receiver
from tests.emulator.timers import Timers

from .adapter import Adapter
from .beacons import Beacon
from .dongle import Dongle

# Six intervals of 50 ms: a link whose peer has not answered by then is given up.
ESTABLISHED_WITHIN: Final = 0.3


@dataclass(frozen=True, slots=True)
class Reception:
    """One adapter at its place: what of the air gets through to it."""

    adapter: Adapter
    receiver: Receiver
    timers: Timers

    def beacon_heard(self, beacon: Beacon) -> None:
        """Take an advertisement of another device: all of them are heard."""
        rssi = round(beacon.rssi - self.receiver.attenuation)
        self.adapter.hear(beacon.address, beacon.data, b"", rssi)

    def advertised(self, dongle: Dongle, swing: int) -> None:
        """Take an advertisement of a dongle, unless it is lost, and connect if asked to.

        The scan response may be lost alone.
        """
        address, signal = dongle.peripheral.link.address, dongle.peripheral.signal
        strength = self.receiver.hears(address, signal, swing)
        if strength is None:
            return
        is_answered = self.receiver.hears_response(address, strength)
        self.adapter.hear(
            dongle.address,
            dongle.advertisement,
            dongle.scan_response if is_answered else None,
            strength,
        )
        if self.adapter.awaits(dongle.address):
            self._connect(dongle)

    def _connect(self, dongle: Dongle) -> None:
        """Make a link, which the dongle may never learn of."""
        peripheral = dongle.peripheral
        arrives = self.receiver.connects(peripheral.link.address, peripheral.signal)
        link = self.adapter.connect(dongle.address, arrives=arrives)
        if arrives:
            self._endure(dongle, link)
        else:
            self._lose_after(
                ESTABLISHED_WITHIN,
                link,
                HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR,
            )

    def _endure(self, dongle: Dongle, link: Connection) -> None:
        """Let a link live as long as its strength lets it, looked at anew at times."""
        if not self.adapter.has(link):
            return
        peripheral = dongle.peripheral
        seconds = self.receiver.lasts(peripheral.link.address, peripheral.signal)
        if seconds > RECHECK_SECONDS:
            self.timers.call_later(RECHECK_SECONDS, lambda: self._endure(dongle, link))
        else:
            self._lose_after(seconds, link, HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)

    def _lose_after(
        self, seconds: float, link: Connection, reason: HCI_ErrorCode
    ) -> None:
        self.timers.call_later(seconds, lambda: self.adapter.lose(link, reason))
