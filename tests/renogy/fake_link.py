# SPDX-License-Identifier: Apache-2.0
"""A dongle with batteries, scripted, on the virtual clock.

It answers real Modbus frames from registers, one request after the other, with the timing law of
real hardware (protocol 1.8): 189 ms and 0.98 ms per byte of the reply.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import override

from custom_components.renogy_bt.renogy.exceptions import LinkLost, LinkUnreachable
from custom_components.renogy_bt.renogy.families import STANDARD, Family
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.modbus import crc16, with_crc
from custom_components.renogy_bt.renogy.transport import Transport

FIXED_SECONDS = 0.189
SECONDS_PER_BYTE = 0.00098
CONNECT_SECONDS = 0.8
DISCONNECT_SECONDS = 2.0

START = datetime(2026, 11, 23, 12, tzinfo=UTC)

# The ranges that an RBT50LFP48S gives in one request.
READABLE = ((5000, 5052), (5100, 5141), (5200, 5229))


def text_words(text: str, words: int) -> list[int]:
    """Return a text as registers, NUL padded."""
    data = text.encode().ljust(2 * words, b"\0")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


@dataclass(kw_only=True)
class FakeBattery:
    """A unit: its registers by address, and which of them it gives."""

    registers: dict[int, int] = field(default_factory=dict)
    readable: Sequence[tuple[int, int]] = READABLE
    reply_unit: int | None = None
    refusal: int = 2

    def put(self, address: int, words: Sequence[int]) -> None:
        """Set consecutive registers."""
        self.registers.update(enumerate(words, address))

    def answer(self, unit: int, address: int, count: int) -> bytes:
        """Return the reply frame to a read."""
        own = self.reply_unit or unit
        if not any(
            low <= address and address + count - 1 <= high
            for low, high in self.readable
        ):
            return with_crc(bytes((own, 0x83, self.refusal)))
        data = b"".join(
            self.registers.get(each, 0).to_bytes(2, "big")
            for each in range(address, address + count)
        )
        return with_crc(bytes((own, 3, len(data))) + data)


def rbt50lfp48s(
    *,
    serial: str = "22RBH4A051020000",
    remaining: int = 49_842,
    current: int = 0,
    cycles: int = 41,
) -> FakeBattery:
    """Return a battery as captured (protocol 1.10 A)."""
    battery = FakeBattery()
    battery.put(5000, [15, *[34] * 9, 35, 35, *[34] * 4, 0])
    battery.put(5017, [15, *[130] * 8, *[140] * 7, 0])
    battery.put(5035, [181, 1, 186, 0, 1, 95, 0])
    battery.put(5042, [current % 0x10000, 524])
    battery.put(5044, [0, remaining, 0, 50_000, cycles, 555, 375, 5000, 55_536])
    battery.put(5100, [0, 0, 0, 0, 0, 0, 0x000E, 0x0A00, 0, 0x00C0])
    battery.put(5110, text_words(serial, 8))
    battery.put(5118, text_words("01", 1) + text_words("0001", 2) + text_words("19", 1))
    battery.put(5122, text_words("RBT50LFP48S", 8) + text_words("V104", 2))
    battery.put(5132, text_words("RENOGY", 10))
    limits = [37, 35, 30, 25, 550, 500, 50, 0, 10_000, 7000, 6000, 555, 540, 450, 375]
    battery.put(
        5200, [*limits, 600, 550, 65_436, 65_336, 55_536, 58_536, 59_536, 0, 48]
    )
    return battery


def rbt12100lfp() -> FakeBattery:
    """Return a battery of four cells and 13.2 V, at half of 100 Ah."""
    battery = rbt50lfp48s(serial="23RBH12100000000", remaining=50_000)
    battery.put(5000, [4, *[33] * 4])
    battery.put(5017, [4, *[130] * 4])
    battery.put(5043, [132])
    battery.put(5046, [1, 34_464])
    battery.put(5049, [148, 100])
    battery.put(5122, text_words("RBT12100LFP", 8))
    return battery


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the dongle sends for one request.

    `fragments` follow one another in notifications; `drops_after` is the number of fragments
    after which the connection ends.
    """

    seconds: float
    fragments: tuple[bytes, ...]
    drops_after: int | None = None


type Fault = Callable[[Delivery], Delivery]


def silent(delivery: Delivery) -> Delivery:
    """Lose the reply."""
    return replace(delivery, fragments=())


def late(seconds: float) -> Fault:
    """Delay the reply."""
    return lambda delivery: replace(delivery, seconds=seconds)


def wrong_crc(delivery: Delivery) -> Delivery:
    """Flip one bit of the reply."""
    data = bytearray(b"".join(delivery.fragments))
    data[len(data) // 2] ^= 0x10
    return replace(delivery, fragments=(bytes(data),))


def of_unit(unit: int) -> Fault:
    """Send the reply as another unit would."""

    def fault(delivery: Delivery) -> Delivery:
        body = b"".join(delivery.fragments)[1:-2]
        return replace(delivery, fragments=(with_crc(bytes((unit,)) + body),))

    return fault


def glued_behind(other: bytes) -> Fault:
    """Send another frame in the same notification, before the reply."""
    return lambda delivery: replace(
        delivery, fragments=(other + b"".join(delivery.fragments),)
    )


def in_parts(size: int) -> Fault:
    """Cut the reply into notifications."""

    def fault(delivery: Delivery) -> Delivery:
        data = b"".join(delivery.fragments)
        parts = tuple(data[at : at + size] for at in range(0, len(data), size))
        return replace(delivery, fragments=parts)

    return fault


def instead(other: bytes) -> Fault:
    """Send another frame than the reply."""
    return lambda delivery: replace(delivery, fragments=(other,))


def all_ones(delivery: Delivery) -> Delivery:
    """Send a reply with a right CRC whose registers are all 0xFFFF."""
    frame = b"".join(delivery.fragments)
    body = frame[:3] + b"\xff" * (len(frame) - 5)
    return replace(delivery, fragments=(with_crc(body),))


def drop_in_reply(delivery: Delivery) -> Delivery:
    """End the connection after the first 20 bytes of the reply."""
    return replace(in_parts(20)(delivery), drops_after=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that the dongle saw, and when."""

    at: float
    unit: int
    address: int
    count: int

    @property
    def block(self) -> str:
        """The block in the usual spelling."""
        return f"{self.address}x{self.count}"


class FakeLink:
    """A dongle and its units.

    `faults` maps a unit and block to faults for its next replies, one each; `always` are
    faults of every reply. `refusals` are the next connections that fail.
    """

    def __init__(self, units: Mapping[int, FakeBattery]) -> None:
        """Start with nobody connected."""
        self.units = dict(units)
        self.asked: list[Asked] = []
        self.connections: list[FakeTransport] = []
        self.faults: dict[tuple[int, str], list[Fault]] = {}
        self.always: list[Fault] = []
        self.wedged = False
        self.unreachable: str | None = None
        self.hangs_on_write = False
        self.line_seconds = 0.0

    def connector(self) -> Callable[[], Awaitable[FakeTransport]]:
        """Return what connects to this link."""
        return self._connect

    async def _connect(self) -> FakeTransport:
        await asyncio.sleep(CONNECT_SECONDS)
        if self.unreachable is not None:
            raise LinkUnreachable(self.unreachable)
        assert all(each.lost.done() for each in self.connections), "connected twice"
        transport = FakeTransport(self)
        self.connections.append(transport)
        return transport

    def deliver(self, unit: int, address: int, count: int) -> Delivery | None:
        """Return what is sent for a request, None when no such unit exists."""
        battery = self.units.get(unit)
        if unit == 0xFF and battery is None and len(self.units) == 1:
            ((unit, battery),) = self.units.items()
        if battery is None or self.wedged:
            return None
        frame = battery.answer(unit, address, count)
        seconds = FIXED_SECONDS + SECONDS_PER_BYTE * len(frame)
        delivery = Delivery(seconds=seconds, fragments=(frame,))
        for fault in self.always:
            delivery = fault(delivery)
        planned = self.faults.get((unit, f"{address}x{count}"), [])
        return planned.pop(0)(delivery) if planned else delivery

    def asked_of(self, unit: int) -> list[str]:
        """Return the blocks that one unit was asked for."""
        return [asked.block for asked in self.asked if asked.unit == unit]


class FakeTransport(Transport):
    """One connection to a fake link."""

    def __init__(self, link: FakeLink) -> None:
        """Start connected."""
        self._link = link
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._callback: Callable[[bytes], None] | None = None
        self._free_at = 0.0
        self.is_deaf = False
        """Requests go nowhere, and nobody is told."""

    @property
    @override
    def lost(self) -> asyncio.Future[None]:
        return self._lost

    @override
    def on_notification(self, callback: Callable[[bytes], None]) -> None:
        self._callback = callback

    @override
    async def write(self, frame: bytes) -> None:
        if self._lost.done():
            raise LinkLost("not connected")
        if self._link.hangs_on_write:
            await asyncio.Event().wait()
        assert len(frame) == 8, "no read request"
        assert frame[1] == 3, "registers are never written"
        assert crc16(frame) == 0
        unit = frame[0]
        address, count = (int.from_bytes(frame[at : at + 2], "big") for at in (2, 4))
        now = self._loop.time()
        self._link.asked.append(Asked(now, unit, address, count))
        delivery = self._link.deliver(unit, address, count)
        if delivery is not None and not self.is_deaf:
            self._send(delivery, max(now, self._free_at))

    def _deliver_at_once(self, delivery: Delivery) -> None:
        for fragment in delivery.fragments[: delivery.drops_after]:
            self.notify(fragment)
        if delivery.drops_after is not None:
            self.drop()

    def _send(self, delivery: Delivery, at: float) -> None:
        """Let the fragments follow one another; the last one comes when the line is free."""
        self._free_at = at + delivery.seconds
        self._link.line_seconds += delivery.seconds
        fragments = delivery.fragments
        if self._free_at <= self._loop.time():
            # No reply comes before its request is sent.
            self._loop.call_soon(self._deliver_at_once, delivery)
            return
        for index, fragment in enumerate(fragments):
            share = (index + 1) / len(fragments)
            self._loop.call_at(at + share * delivery.seconds, self.notify, fragment)
        if delivery.drops_after is not None:
            share = (delivery.drops_after + 0.5) / len(fragments)
            self._loop.call_at(at + share * delivery.seconds, self.drop)

    def notify(self, fragment: bytes) -> None:
        """Send a notification."""
        if self._callback is not None and not self._lost.done():
            self._callback(fragment)

    def drop(self) -> None:
        """End the connection."""
        if not self._lost.done():
            self._lost.set_result(None)

    @override
    async def disconnect(self) -> None:
        await asyncio.sleep(DISCONNECT_SECONDS)
        self.drop()


def link_to(
    fake: FakeLink,
    units: Sequence[int] | None = None,
    family: Family = STANDARD,
    connector: Callable[[], Awaitable[Transport]] | None = None,
) -> RenogyLink:
    """Return the link under test, on the running loop's clock."""
    loop = asyncio.get_running_loop()
    return RenogyLink(
        "BT-TH-FDA1B2C3",
        tuple(fake.units) if units is None else units,
        connector or fake.connector(),
        family=family,
        clock=loop.time,
        now=lambda: START + timedelta(seconds=loop.time()),
    )


def kept_link_to(
    fake: FakeLink, interval: float, lost: Callable[[], None] = lambda: None
) -> RenogyLink:
    """Return a link that stays connected between its polls, on the running loop's clock."""
    loop = asyncio.get_running_loop()
    return RenogyLink(
        "BT-TH-FDA1B2C3",
        tuple(fake.units),
        fake.connector(),
        family=STANDARD,
        clock=loop.time,
        now=lambda: START + timedelta(seconds=loop.time()),
        kept_interval=interval,
        lost=lost,
    )


def four_batteries() -> FakeLink:
    """Return the owner's bank."""
    return FakeLink(
        {48 + index: rbt50lfp48s(remaining=49_842 - index) for index in range(4)}
    )
