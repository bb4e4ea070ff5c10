# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: one function per target, from bytes to nothing."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import random
from typing import Final, override

from custom_components.renogy_bt.renogy.decoder import (
    RegisterImage,
    decode_configuration,
    decode_identity,
    decode_reading,
)
from custom_components.renogy_bt.renogy.exceptions import InvalidBlock, RenogyError
from custom_components.renogy_bt.renogy.families import FAMILIES
from custom_components.renogy_bt.renogy.link import POLL_SECONDS
from custom_components.renogy_bt.renogy.modbus import FrameAssembler, crc16, with_crc
from custom_components.renogy_bt.renogy.probe import PROBE_SECONDS, probe_link
from tests.emulator.world_file import WorldFileError, parse_world
from tests.fuzz.invariants import check_probe, check_reading
from tests.fuzz.stored_bank import check, damage, entry_of, good_bank
from tests.fuzz.stored_files import STORES, check_file, damaged_file
from tests.renogy.fake_link import (
    CONNECT_SECONDS,
    DISCONNECT_SECONDS,
    START,
    Delivery,
    FakeLink,
    link_to,
    rbt50lfp48s,
)
from tests.renogy.virtual_time import run

_BATTERY_FAMILIES: Final = [each for each in FAMILIES if each.refused_as is None]
_LONGEST_UNFINISHED: Final = 255
_POLLS: Final = 2
LONGEST_POLL_SECONDS: Final = POLL_SECONDS + DISCONNECT_SECONDS + 0.001


def fuzz_framing(data: bytes) -> None:
    """Cut a stream, told as pieces with their lengths before them, into frames.

    A piece of odd length gets its CRC from here, for no fuzzer would guess one.
    """
    assembler = FrameAssembler()
    received = found = 0
    for piece in _pieces(data):
        received += len(piece)
        for frame in assembler.feed(piece):
            found += len(frame.raw)
            assert crc16(frame.raw) == 0
            assert frame.raw[1] in {0x03, 0x83}
            assert frame.exception_code is not None or len(frame.data) == frame.raw[2]
        unfinished = received - found - assembler.skipped_bytes
        assert 0 <= unfinished < _LONGEST_UNFINISHED
    assembler.clear()
    assert received == found + assembler.skipped_bytes


def _pieces(data: bytes) -> list[bytes]:
    pieces = []
    while data:
        length, data = data[0], data[1:]
        piece, data = data[:length], data[length:]
        pieces.append(with_crc(piece) if length % 2 else piece)
    return pieces


def _registers_from(address: int, count: int) -> bytes:
    """Return a healthy battery's registers."""
    registers = rbt50lfp48s().registers
    return b"".join(
        registers.get(each, 0).to_bytes(2, "big")
        for each in range(address, address + count)
    )


_MEASURED: Final = _registers_from(5000, 110)
_DETAILS: Final = _registers_from(5110, 114)


def fuzz_decoder(data: bytes) -> None:
    """Decode a healthy battery's registers with some of them changed.

    The first byte chooses the family, then every three bytes change one register.
    """
    if not data:
        return
    family = _BATTERY_FAMILIES[data[0] % len(_BATTERY_FAMILIES)]
    registers = bytearray(_MEASURED + _DETAILS)
    for at in range(1, len(data) - 2, 3):
        word = data[at] % (len(registers) // 2)
        registers[2 * word : 2 * word + 2] = data[at + 1 : at + 3]
    image = RegisterImage([(5000, bytes(registers))])
    identity = decode_identity(image)
    assert identity.model is None or identity.model.isprintable()
    configuration = None
    with suppress(InvalidBlock):
        configuration = decode_configuration(image)
    with suppress(InvalidBlock):
        check_reading(decode_reading(image, START, family, configuration))


class _Script:
    """Bytes that decide, one after the other, what happens; 0 when there are no more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def bytes(self, count: int) -> bytes:
        return bytes(self.byte() for _ in range(count))


class _ScriptedLink(FakeLink):
    """A dongle with batteries whose every reply is decided by a script."""

    def __init__(self, script: _Script, units: tuple[int, ...]) -> None:
        super().__init__({unit: rbt50lfp48s() for unit in units})
        self._script = script

    @override
    def deliver(self, unit: int, address: int, count: int) -> Delivery | None:
        right = super().deliver(unit, address, count)
        script = self._script
        match script.byte() % 10:
            case 1:
                return None
            case 2:
                code = script.byte()
                return _reply(with_crc(bytes((unit, 0x83, code))))
            case 3:
                own, length = script.byte(), script.byte()
                return _reply(with_crc(bytes((own, 3, length)) + script.bytes(length)))
            case 4:
                data = script.bytes(2 * count)
                return _reply(with_crc(bytes((unit, 3, 2 * count)) + data))
            case 5:
                return _reply(script.bytes(script.byte()))
            case 6 if right is not None:
                return _cut(right, 1 + script.byte() % 30)
            case 7 if right is not None:
                return Delivery(
                    seconds=right.seconds + script.byte() / 50,
                    fragments=right.fragments,
                )
            case 8 if right is not None:
                return Delivery(
                    seconds=right.seconds,
                    fragments=_cut(right, 8).fragments,
                    drops_after=script.byte() % 4,
                )
            case 9 if right is not None:
                return _reply(script.bytes(script.byte() % 40) + right.fragments[0])
            case _:
                return right


def _reply(*fragments: bytes) -> Delivery:
    return Delivery(seconds=0.3, fragments=tuple(each for each in fragments if each))


def _cut(delivery: Delivery, size: int) -> Delivery:
    (frame,) = delivery.fragments
    return Delivery(
        seconds=delivery.seconds,
        fragments=tuple(frame[at : at + size] for at in range(0, len(frame), size)),
    )


def fuzz_probe(data: bytes) -> None:
    """Probe a link of any family whose every reply is decided by the data.

    The first byte chooses the family, the second the units that are there.
    """
    script = _Script(data)
    family = _BATTERY_FAMILIES[script.byte() % len(_BATTERY_FAMILIES)]
    present = script.byte()
    units = tuple(48 + bit for bit in range(8) if present >> bit & 1)

    async def main() -> None:
        link = _ScriptedLink(script, units)
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        with suppress(RenogyError):
            check_probe(await probe_link(link.connector(), family))
        limit = CONNECT_SECONDS + PROBE_SECONDS + DISCONNECT_SECONDS
        assert loop.time() - started_at <= limit + 0.001

    run(main)


def fuzz_poll(data: bytes) -> None:
    """Poll a link whose every reply is decided by the data, twice."""
    script = _Script(data)

    async def main() -> None:
        link = link_to(_ScriptedLink(script, (48, 49)))
        loop = asyncio.get_running_loop()
        for _ in range(_POLLS):
            started_at = loop.time()
            with suppress(RenogyError):
                report = await link.poll()
                for reading in report.readings.values():
                    check_reading(reading)
            assert loop.time() - started_at <= LONGEST_POLL_SECONDS
        await link.close()

    run(main)


def fuzz_world(data: bytes) -> None:
    """Read a world file: it is a world, or refused with a reason."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    reason = _refusal_of(text)
    assert reason is None or ":" in reason


def _refusal_of(text: str) -> str | None:
    """Return why a text is no world, None if it is one."""
    try:
        parse_world(text)
    except WorldFileError as error:
        return str(error)
    return None


def fuzz_bank(data: bytes) -> None:
    """Damage what is stored of a bank, as the data decide, and read it."""
    chance = random.Random(data)
    stored = good_bank()
    for _ in range(1 + len(data) % 8):
        damage(chance, stored)
    if (entry := entry_of(stored)) is not None:
        check(entry)


def fuzz_files(data: bytes) -> None:
    """Damage one of our files, as the data decide, and read it through Home Assistant's storage."""
    chance = random.Random(data)
    store = chance.choice(sorted(STORES))
    check_file(store, damaged_file(chance, store))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "framing": fuzz_framing,
    "decoder": fuzz_decoder,
    "probe": fuzz_probe,
    "poll": fuzz_poll,
    "world": fuzz_world,
    "bank": fuzz_bank,
    "files": fuzz_files,
}
