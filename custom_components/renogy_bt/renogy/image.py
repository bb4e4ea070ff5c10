"""The registers of one battery that a poll brought, still as bytes."""

from collections.abc import Iterable
from struct import unpack_from

from .registers import Register, RegisterType


class RegisterImage:
    """Register bytes by address; what was not read is absent, not zero.

    A value is unpacked from the reply that carried it, no word is copied before.
    """

    def __init__(self, blocks: Iterable[tuple[int, bytes]] = ()) -> None:
        """Start with (address, register bytes) pairs."""
        self._blocks = list(blocks)

    def add(self, address: int, data: bytes) -> None:
        """Add the registers that begin at `address`."""
        self._blocks.append((address, data))

    def _locate(self, address: int, words: int) -> tuple[bytes, int] | None:
        for start, data in self._blocks:
            offset = 2 * (address - start)
            if offset >= 0 and offset + 2 * words <= len(data):
                return data, offset
        return None

    def raw_list(self, register: Register, count: int) -> tuple[int, ...]:
        """Return the first `count` values of a row of 16-bit registers before division.

        They are fewer where fewer exist or were read.
        """
        where = self._locate(register.address, 1)
        if where is None:
            return ()
        data, offset = where
        values = min(count, register.repeat, (len(data) - offset) // 2)
        return unpack_from(f">{values}{register.type}", data, offset)

    def raw_value(self, register: Register) -> int | None:
        """Return the single value of a register before division, None when not read."""
        where = self._locate(register.address, register.span)
        if where is None:
            return None
        return int(unpack_from(f">{register.type}", *where)[0])

    def value(self, register: Register) -> float | None:
        """Return the single value of a register in its unit."""
        raw = self.raw_value(register)
        return None if raw is None else raw / register.divisor

    def word(self, address: int) -> int | None:
        """Return one word."""
        where = self._locate(address, 1)
        return None if where is None else int(unpack_from(">H", *where)[0])

    def double_word(self, address: int) -> int | None:
        """Return two words as one number, the high word first."""
        where = self._locate(address, 2)
        return None if where is None else int(unpack_from(">I", *where)[0])

    def text(self, register: Register) -> str | None:
        """Return an ASCII register without padding, None when empty or not read.

        Some packs keep other bytes between the letters (protocol 1.9, number 9).
        """
        if register.type is not RegisterType.ASCII:
            raise ValueError(f"Not a text register: {register.name}")
        where = self._locate(register.address, register.words)
        if where is None:
            return None
        data, offset = where
        characters = data[offset : offset + 2 * register.words]
        return bytes(c for c in characters if 0x20 <= c < 0x7F).decode().strip() or None
