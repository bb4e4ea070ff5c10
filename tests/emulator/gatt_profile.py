# SPDX-License-Identifier: Apache-2.0
"""The GATT tree of a BT-2 (protocol 1.2), as a table of handles."""

from dataclasses import dataclass
from typing import Final

BASE_UUID: Final = "0000{:04x}-0000-1000-8000-00805f9b34fb"
CLIENT_CONFIGURATION: Final = BASE_UUID.format(0x2902)
USER_DESCRIPTION: Final = BASE_UUID.format(0x2901)
REQUEST_CHARACTERISTIC: Final = BASE_UUID.format(0xFFD1)
REPLY_CHARACTERISTIC: Final = BASE_UUID.format(0xFFF1)
TI_OAD_SERVICE: Final = "f000ffd0-0451-4000-b000-000000000000"
TI_OAD_CHARACTERISTIC: Final = "f000ffd1-0451-4000-b000-000000000000"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor by its handle."""

    handle: int
    uuid: str
    value: bytes = b"\x00\x00"


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A characteristic by the handle of its declaration; its value follows that."""

    handle: int
    uuid: str
    flags: tuple[str, ...]
    descriptors: tuple[Descriptor, ...] = ()
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Service:
    """A primary service by its handle."""

    handle: int
    uuid: str
    characteristics: tuple[Characteristic, ...]


def _short(value: int) -> str:
    return BASE_UUID.format(value)


_DEVICE_INFORMATION: Final = (
    (0x2A23, b"\x00\x00\x00\x00\x00\x00\x00\x00"),
    (0x2A24, b"Model Number\x00"),
    (0x2A25, b"Serial Number\x00"),
    (0x2A26, b"Firmware Revision\x00"),
    (0x2A27, b"Hardware Revision\x00"),
    (0x2A28, b"Software Revision\x00"),
    (0x2A29, b"Manufacturer Name\x00"),
    (0x2A2A, b"\xfe\x00experimental"),
    (0x2A50, b"\x01\x0d\x00\x00\x00\x10\x01"),
)

BT2_SERVICES: Final = (
    Service(
        0x08,
        _short(0x180A),
        tuple(
            Characteristic(0x09 + 2 * index, _short(uuid), ("read",), value=value)
            for index, (uuid, value) in enumerate(_DEVICE_INFORMATION)
        ),
    ),
    Service(
        0x1B,
        _short(0xFFD0),
        (
            Characteristic(
                0x1C,
                REQUEST_CHARACTERISTIC,
                ("read", "write-without-response", "write"),
                (Descriptor(0x1E, USER_DESCRIPTION, b"Characteristic 1"),),
            ),
            Characteristic(
                0x1F,
                _short(0xFFD2),
                ("read", "notify"),
                (
                    Descriptor(0x21, CLIENT_CONFIGURATION),
                    Descriptor(0x22, USER_DESCRIPTION, b"Characteristic 2"),
                ),
            ),
            Characteristic(
                0x23,
                _short(0xFFD3),
                ("write",),
                (Descriptor(0x25, USER_DESCRIPTION, b"Characteristic 3"),),
            ),
            Characteristic(
                0x26,
                _short(0xFFD4),
                ("read",),
                (Descriptor(0x28, USER_DESCRIPTION, b"Characteristic 4"),),
            ),
            Characteristic(
                0x29,
                _short(0xFFD5),
                ("read", "write"),
                (Descriptor(0x2B, USER_DESCRIPTION, b"Characteristic 5"),),
            ),
        ),
    ),
    Service(
        0x2C,
        _short(0xFFF0),
        (
            Characteristic(
                0x2D,
                REPLY_CHARACTERISTIC,
                ("read", "notify"),
                (
                    Descriptor(0x2F, CLIENT_CONFIGURATION),
                    Descriptor(0x30, USER_DESCRIPTION, b"Characteristic 1"),
                ),
            ),
        ),
    ),
    Service(
        0x31,
        TI_OAD_SERVICE,
        (
            Characteristic(
                0x32,
                TI_OAD_CHARACTERISTIC,
                ("write-without-response", "write"),
                (Descriptor(0x34, USER_DESCRIPTION, b"OAD"),),
            ),
        ),
    ),
)
