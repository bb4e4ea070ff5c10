# SPDX-License-Identifier: Apache-2.0
"""What must not stand in a file that people send, in whatever spelling."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import batched
import re
from typing import Final

from tests.emulator import World

SERIAL_NUMBER: Final = 5110, 8
"""The registers of a battery's serial number."""
TELLING_DIGITS: Final = 9
"""So many digits of a number are no chance."""
TELLING_CHARACTERS: Final = 7
"""So many characters of Base64 are no chance."""
_SEAM: Final = re.compile(r'"\],\s*\[[0-9.]+,\s*"')
"""What stands between the bytes of two notifications."""


def spelled(address: str) -> Iterator[str]:
    """Yield how an address, or its own part, may be spelled in a file, in small letters."""
    raw = bytes.fromhex(address.replace(":", ""))
    # Parts that are hardly anything but zeros stand everywhere.
    for part in (raw, *(each for each in (raw[2:], raw[3:]) if each.count(0) < 2)):
        for each in (part, part[::-1]):
            for separator in (":", "-", "_"):
                yield each.hex(separator)
            yield each.hex()
            yield from _numbers(each)
            yield from _base64(each)
            for text in (each.hex(), each.hex().upper(), each.hex(":").upper()):
                yield text.encode().hex()
                yield text.encode()[::-1].hex()
        if len(part) % 2 == 0:
            # The low byte of each register first.
            yield b"".join(
                bytes(pair[::-1]) for pair in batched(part, 2, strict=True)
            ).hex()


def spelled_text(text: str) -> Iterator[str]:
    """Yield how a text, or what follows its first four characters, may stand in a file."""
    raw = text.encode()
    yield text.lower()
    yield text[::-1].lower()
    yield raw.hex()
    yield raw[::-1].hex()
    yield from _numbers(raw)
    yield from _base64(raw)
    if len(text) > 8:
        yield raw[4:].hex()


def _numbers(raw: bytes) -> Iterator[str]:
    """Yield bytes as one number, as a list of numbers, and as registers."""
    for number in (int.from_bytes(raw), int.from_bytes(raw, "little")):
        if len(str(number)) >= TELLING_DIGITS:
            yield str(number)
    registers = [
        int.from_bytes(bytes(pair))
        for pair in batched(raw[: len(raw) // 2 * 2], 2, strict=True)
    ]
    for numbers in (list(raw), registers):
        if len(numbers) > 2:
            yield from (separator.join(map(str, numbers)) for separator in (",", ", "))


def _base64(raw: bytes) -> Iterator[str]:
    """Yield what of Base64 goes by these bytes alone, wherever they begin in it, in small letters."""
    for before, strange in enumerate((0, 2, 3)):
        told = b64encode(bytes(before) + raw).decode().rstrip("=")
        # The last character may hold bits of what follows.
        if len(own := told[strange:-1]) >= TELLING_CHARACTERS:
            yield own.lower()


def secrets_of(world: World, others: Iterable[str] = ()) -> Iterator[str]:
    """Yield what a file may not tell of a world, and of the addresses of others beside it."""
    for address in (*(each.address for each in world.adapters), *others):
        yield from spelled(address)
    for link in world.links:
        yield from spelled(link.address)
        yield from spelled_text(link.name)
        digits = link.name.lstrip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz- "
        )
        if len(digits) >= 6:
            yield from spelled_text(digits)
        for unit in link.units.values():
            first, count = SERIAL_NUMBER
            words = [unit.registers.get(first + each, 0) for each in range(count)]
            serial = b"".join(word.to_bytes(2) for word in words).rstrip(b"\0 ")
            if len(serial) >= 8 and serial.isalnum():
                yield from spelled_text(serial.decode())
                yield from spelled_text(serial.decode()[-8:])


def given_away(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which secrets stand in a file, in one notification or across some."""
    small = text.lower()
    seamless = _SEAM.sub("", small)
    return sorted(each for each in {*secrets} if each in small or each in seamless)
