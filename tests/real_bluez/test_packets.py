# SPDX-License-Identifier: Apache-2.0
"""Tests of advertisements as bytes."""

import pytest

from tests.emulator.advertisement import (
    AD_COMPLETE_NAME,
    Advertisement,
    advertisement_of,
)
from tests.emulator.world import Link, NameIn

from .radio.packets import MAX_BYTES, packets


def _elements(packet: bytes) -> list[tuple[int, bytes]]:
    elements = []
    while packet:
        length = packet[0]
        elements.append((packet[1], packet[2 : 1 + length]))
        packet = packet[1 + length :]
    return elements


def test_every_element_is_on_the_air_once() -> None:
    """Packet and scan response together say what the advertisement says, in order."""
    advertisement = advertisement_of(
        Link(name="BT-TH-FDA1B2C3", address="6C:B2:FD:A1:B2:C3")
    )

    packet, response = packets(advertisement)

    assert len(packet) <= MAX_BYTES and len(response) <= MAX_BYTES
    assert _elements(packet) + _elements(response) == list(advertisement.elements())


def test_flags_come_first() -> None:
    """Passive monitors look for the flags at the beginning of the packet."""
    packet, _ = packets(
        advertisement_of(Link(name="RNGRBP0001", address="6C:B2:FD:A1:B2:C3"))
    )

    assert packet[:3] == b"\x02\x01\x06"


def test_name_may_stand_in_the_scan_response() -> None:
    """The world decides where the name is told."""
    link = Link(
        name="BT-TH-FDA1B2C3",
        address="6C:B2:FD:A1:B2:C3",
        name_in=NameIn.SCAN_RESPONSE,
    )

    packet, response = packets(advertisement_of(link))

    assert AD_COMPLETE_NAME not in dict(_elements(packet))
    assert _elements(response) == [(AD_COMPLETE_NAME, b"BT-TH-FDA1B2C3")]


def test_element_without_room_is_refused() -> None:
    """An element that fits into neither packet is an error, not lost."""
    advertisement = Advertisement(
        flags=6,
        name="x" * (MAX_BYTES - 1),
        service_uuids=(),
        company_id=1,
        manufacturer_data=b"",
    )

    with pytest.raises(ValueError, match="0x09"):
        packets(advertisement)
