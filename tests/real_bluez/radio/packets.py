"""Advertisements as the bytes of packets."""

from typing import Final

from tests.emulator.advertisement import Advertisement

MAX_BYTES: Final = 31


def packets(advertisement: Advertisement) -> tuple[bytes, bytes]:
    """Return an advertisement as packet and scan response, 31 bytes at most each.

    What does not fit into the first goes into the second, in order. Raises `ValueError`
    for what fits into neither.
    """
    parts = (bytearray(), bytearray())
    for ad_type, contents in advertisement.elements():
        structure = bytes((len(contents) + 1, ad_type)) + contents
        for part in parts:
            if len(part) + len(structure) <= MAX_BYTES:
                part += structure
                break
        else:
            raise ValueError(f"no room for an element of type 0x{ad_type:02x}")
    return bytes(parts[0]), bytes(parts[1])
