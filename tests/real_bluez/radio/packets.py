# SPDX-License-Identifier: Apache-2.0
"""Advertisements as the bytes of packets."""

from typing import Final

from tests.emulator.advertisement import Advertisement

MAX_BYTES: Final = 31


def packets(advertisement: Advertisement) -> tuple[bytes, bytes]:
    """Return an advertisement as packet and scan response, 31 bytes at most each.

    What does not fit into the first goes into the second, in order, as does what it holds
    anyway. Raises `ValueError` for what fits into neither.
    """
    parts = (bytearray(), bytearray())
    listed = [
        *((element, parts) for element in advertisement.elements()),
        *((element, parts[1:]) for element in advertisement.response_elements()),
    ]
    for (ad_type, contents), places in listed:
        structure = bytes((len(contents) + 1, ad_type)) + contents
        for part in places:
            if len(part) + len(structure) <= MAX_BYTES:
                part += structure
                break
        else:
            raise ValueError(f"no room for an element of type 0x{ad_type:02x}")
    return bytes(parts[0]), bytes(parts[1])
