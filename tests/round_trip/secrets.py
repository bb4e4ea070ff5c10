"""What must not stand in a file that people send, in whatever spelling."""

from collections.abc import Iterable, Iterator

from tests.emulator import World

SERIAL_NUMBER = 5110, 8
"""The registers of a battery's serial number."""


def spelled(address: str) -> Iterator[str]:
    """Yield how an address, or its own part, may be spelled in a file, in small letters."""
    raw = bytes.fromhex(address.replace(":", ""))
    # Parts that are hardly anything but zeros stand everywhere.
    for part in (raw, *(each for each in (raw[2:], raw[3:]) if each.count(0) < 2)):
        for each in (part, part[::-1]):
            for separator in (":", "-", "_"):
                yield each.hex(separator)
            yield each.hex()
            for text in (each.hex(), each.hex().upper(), each.hex(":").upper()):
                yield text.encode().hex()
                yield text.encode()[::-1].hex()


def spelled_text(text: str) -> Iterator[str]:
    """Yield how a text, or what follows its first four characters, may stand in a file."""
    yield text.lower()
    yield text.encode().hex()
    yield text.encode()[::-1].hex()
    if len(text) > 8:
        yield text.encode()[4:].hex()


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


def given_away(text: str, secrets: Iterable[str]) -> list[str]:
    """Return which secrets stand in a file."""
    small = text.lower()
    return sorted(each for each in {*secrets} if each in small)
