# SPDX-License-Identifier: Apache-2.0
"""What a peripheral advertises (protocol 1.1), as data and as bytes on the air."""

from collections.abc import Iterator
from dataclasses import dataclass

from .world import Link, NameIn

RENOGY_SERVICE = "0000ffd0-0000-1000-8000-00805f9b34fb"

AD_FLAGS = 0x01
AD_COMPLETE_UUIDS_16 = 0x03
AD_COMPLETE_NAME = 0x09
AD_MANUFACTURER_DATA = 0xFF

_GENERAL_DISCOVERABLE_LE_ONLY = 0x06
_MAX_PATTERN_LENGTH = 31


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What one peripheral advertises; `response_name` stands in its scan response."""

    flags: int
    name: str | None
    service_uuids: tuple[str, ...]
    company_id: int
    manufacturer_data: bytes
    response_name: str | None = None

    def heard_name(self, *, actively: bool) -> str | None:
        """Return the name that a scan hears; only an active one asks for the response."""
        return self.name or (self.response_name if actively else None)

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """Yield the type and the contents of each AD structure, as the capture has them."""
        yield AD_FLAGS, bytes((self.flags,))
        for uuid in self.service_uuids:
            yield AD_COMPLETE_UUIDS_16, bytes.fromhex(uuid[4:8])[::-1]
        yield (
            AD_MANUFACTURER_DATA,
            self.company_id.to_bytes(2, "little") + self.manufacturer_data,
        )
        if self.name is not None:
            yield AD_COMPLETE_NAME, self.name.encode()

    def response_elements(self) -> Iterator[tuple[int, bytes]]:
        """Yield the type and the contents of each AD structure of the scan response."""
        if self.response_name is not None:
            yield AD_COMPLETE_NAME, self.response_name.encode()


@dataclass(frozen=True, slots=True)
class Pattern:
    """One alternative of an "or_patterns" advertisement monitor."""

    offset: int
    ad_type: int
    content: bytes

    @property
    def is_usable(self) -> bool:
        """Tell whether BlueZ accepts it."""
        return (
            0 < len(self.content) <= _MAX_PATTERN_LENGTH - self.offset
            and self.offset < _MAX_PATTERN_LENGTH
        )

    def matches(self, advertisement: Advertisement) -> bool:
        """Tell whether an advertisement has these bytes at this place."""
        end = self.offset + len(self.content)
        return any(
            ad_type == self.ad_type and data[self.offset : end] == self.content
            for ad_type, data in advertisement.elements()
        )


def advertisement_of(link: Link) -> Advertisement:
    """Return what a link advertises.

    The manufacturer data is the device's own address: the company id is its first two
    bytes, little-endian, the data the other four. Only BT-TH names come with a service.
    What the world file says of `services` and `name_in` is left out, or told elsewhere.
    """
    address = bytes.fromhex(link.address.replace(":", ""))
    return Advertisement(
        flags=_GENERAL_DISCOVERABLE_LE_ONLY,
        name=link.name if link.name_in is NameIn.ADVERTISEMENT else None,
        response_name=link.name if link.name_in is NameIn.SCAN_RESPONSE else None,
        service_uuids=(RENOGY_SERVICE,)
        if link.services and link.name.startswith("BT-TH")
        else (),
        company_id=int.from_bytes(address[:2], "little"),
        manufacturer_data=address[2:],
    )
