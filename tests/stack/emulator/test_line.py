# SPDX-License-Identifier: Apache-2.0
"""The RS485 side of a link: its timing, its devices and its faults, in virtual time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given, strategies as st
import pytest

from tests.emulator import Kind, Link, LinkStatistics, Timing, Unit, modbus
from tests.emulator.devices import CONTROLLER_MODEL, INVERTER_MODEL, devices_of
from tests.emulator.faults import ActiveFault, activate
from tests.emulator.line import MAX_QUEUED_REQUESTS, Line, collision
from tests.emulator.world import Turn

from .captures import frame
from .manual_timers import ManualTimers

A1 = frame("A1")
A2 = frame("A2")
A1_WORDS = {5042: 0, 5043: 524, 5044: 0, 5045: 49842, 5046: 0, 5047: 50000}
A2_WORDS = A1_WORDS | {5045: 49837, 5047: 49995}
READABLE = ((5000, 5052), (5100, 5141))
PACK = Unit(unit_id=48, registers=A1_WORDS, readable=READABLE)
OTHER_PACK = Unit(unit_id=49, registers=A2_WORDS, readable=READABLE)
READ_A1 = modbus.read_request(48, 5042, 6)
READ_A2 = modbus.read_request(49, 5042, 6)


@dataclass
class Bench:
    """A line on a bench: what it delivers is noted with its moment."""

    units: tuple[Unit, ...] = (PACK, OTHER_PACK)
    kind: Kind = Kind.BATTERY
    payload: int = 248
    faults: list[ActiveFault] = field(default_factory=list)
    replies: Mapping[bytes, tuple[Turn, ...]] = field(default_factory=dict)
    timers: ManualTimers = field(default_factory=ManualTimers)
    statistics: LinkStatistics = field(default_factory=LinkStatistics)
    received: list[tuple[float, bytes]] = field(default_factory=list)
    breaks: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Wire it up."""
        link = Link(
            name="BT-TH-1",
            address="6C:B2:FD:A1:B2:C3",
            kind=self.kind,
            units={unit.unit_id: unit for unit in self.units},
        )
        self.line = Line(
            devices=devices_of(link, None, lambda: 0.0),
            timing=Timing(),
            timers=self.timers,
            statistics=self.statistics,
            faults=lambda unit: [
                fault
                for fault in self.faults
                if fault.values.get("unit", 0) in {0, unit}
            ],
            deliver=lambda data: self.received.append((self.timers.now(), data)),
            break_link=lambda: self.breaks.append(self.timers.now()),
            payload=self.payload,
            random=Random(1),
            replies=self.replies,
        )

    def fault(self, name: str, **values: Any) -> None:
        """Switch a fault on."""
        self.faults.append(activate(name, values))

    def ask(self, *requests: bytes, seconds: float = 60.0) -> list[bytes]:
        """Write requests at once, wait, and return what came."""
        for request in requests:
            self.line.write(request)
        self.timers.advance(seconds)
        return [data for _, data in self.received]


def test_reply_takes_the_captured_time() -> None:
    """A reply comes 189 ms and one more for each of its bytes after its request."""
    bench = Bench()
    assert bench.ask(READ_A1) == [A1]
    assert bench.received[0][0] == pytest.approx(0.189 + 0.017)
    assert bench.statistics.reply_seconds == pytest.approx(0.206)


def test_later_requests_queue() -> None:
    """The line serves one request at a time, in order."""
    bench = Bench()
    assert bench.ask(READ_A1, READ_A2) == [A1, A2]
    moments = [moment for moment, _ in bench.received]
    assert moments == pytest.approx([0.206, 0.412])


def test_silence_takes_its_time_too() -> None:
    """An unknown unit is answered by nobody, and the next request waits for that."""
    bench = Bench()
    assert bench.ask(modbus.read_request(50, 5042, 6), READ_A1) == [A1]
    assert bench.received[0][0] == pytest.approx(0.189 + 0.206)


def test_queue_is_bounded() -> None:
    """What a dongle cannot hold is lost, and counted."""
    bench = Bench()
    replies = bench.ask(*[READ_A1] * (MAX_QUEUED_REQUESTS + 5))
    assert len(replies) == MAX_QUEUED_REQUESTS + 1
    assert bench.statistics.ignored_requests == 4


def test_closed_link_forgets_what_waits() -> None:
    """What still waits when the link closes is not asked."""
    bench = Bench()
    bench.line.write(READ_A1)
    bench.line.write(READ_A2)
    bench.line.clear()
    bench.timers.advance(60)
    assert [data for _, data in bench.received] == [A1]


@pytest.mark.parametrize(
    "request_frame",
    [READ_A1[:-1] + b"\x00", b"", b"hello", modbus.with_crc(b"\x30\x03\x13")],
    ids=["bad crc", "empty", "text", "short"],
)
def test_what_is_no_request_is_ignored(request_frame: bytes) -> None:
    """What is no request costs no time and gets no answer."""
    bench = Bench()
    bench.ask(request_frame, READ_A1)
    assert bench.received == [(pytest.approx(0.206), A1)]
    assert bench.statistics.ignored_requests == 1


@pytest.mark.parametrize(
    ("address", "count", "code"),
    [
        (4999, 2, 2),
        (5050, 4, 2),
        (5053, 1, 2),
        (5099, 2, 2),
        (5000, 126, 3),
        (5000, 0, 3),
        (65535, 2, 2),
    ],
)
def test_reads_outside_what_is_readable_are_refused(
    address: int, count: int, code: int
) -> None:
    """A read that touches an unreadable word is refused with its exception."""
    bench = Bench()
    reply = modbus.exception_reply(48, 3, code)
    assert bench.ask(modbus.read_request(48, address, count)) == [reply]
    assert bench.statistics.exceptions == 1


@given(st.integers(4990, 5145), st.integers(1, 125))
def test_read_is_whole_or_refused(address: int, count: int) -> None:
    """Whatever is read, the reply is all its words or exception 2."""
    bench = Bench()
    (reply,) = bench.ask(modbus.read_request(48, address, count))
    words = range(address, address + count)
    if all(any(low <= word <= high for low, high in READABLE) for word in words):
        assert reply == modbus.read_reply(48, [A1_WORDS.get(word, 0) for word in words])
    else:
        assert reply == modbus.exception_reply(48, 3, 2)


@pytest.mark.parametrize("function", sorted(modbus.WRITE_FUNCTIONS))
def test_writes_are_refused_and_counted(function: int) -> None:
    """A write changes nothing, is answered with exception 1 and noted."""
    bench = Bench()
    write = modbus.with_crc(bytes((48, function, 0x14, 0x67, 0, 49)))
    replies = bench.ask(write, READ_A1)
    assert replies == [modbus.exception_reply(48, function, 1), A1]
    assert bench.statistics.writes == 1
    assert bench.statistics.violations == [write.hex()]


def test_reply_unit_takes_the_place_of_the_own_id() -> None:
    """A family that answers under another id does so for every request."""
    bench = Bench(
        (Unit(unit_id=48, registers=A1_WORDS, readable=READABLE, reply_unit=255),)
    )
    expected = modbus.relabelled(A1, 255)
    assert bench.ask(READ_A1, modbus.read_request(255, 5042, 6)) == [expected] * 2


def test_single_battery_answers_the_broadcast_under_its_id() -> None:
    """Alone on the line a pack answers 255, exceptions too, as captured (F7)."""
    bench = Bench((PACK,))
    replies = bench.ask(
        modbus.read_request(255, 5042, 6), bytes.fromhex("ff030000000191d4")
    )
    assert replies == [A1, bytes.fromhex("308302913e")]


def test_several_batteries_garble_the_broadcast() -> None:
    """Several packs answer 255 at once: something is heard, with no valid CRC."""
    bench = Bench()
    (reply,) = bench.ask(modbus.read_request(255, 5042, 6))
    assert len(reply) == len(A1)
    assert not modbus.has_valid_crc(reply)


@given(st.lists(st.binary(min_size=2, max_size=60).map(modbus.with_crc), min_size=1))
def test_collision_never_has_a_valid_crc(frames: list[bytes]) -> None:
    """Whatever collides, it does not pass for a frame."""
    heard = collision(frames)
    assert len(heard) == max(map(len, frames))
    assert not modbus.has_valid_crc(heard)


@pytest.mark.parametrize(
    ("kind", "units", "address", "model"),
    [
        (Kind.CHARGE_CONTROLLER, (17, 96, 255), 0x000C, CONTROLLER_MODEL),
        (Kind.INVERTER, (32, 255), 0x10D7, INVERTER_MODEL),
    ],
)
def test_devices_that_are_no_batteries(
    kind: Kind, units: tuple[int, ...], address: int, model: str
) -> None:
    """They tell their model on their ids, refuse 5000 and are silent elsewhere."""
    for unit in units:
        bench = Bench((), kind)
        told, refused = bench.ask(
            modbus.read_request(unit, address, 8), modbus.read_request(unit, 5000, 1)
        )
        assert told[3:-2].decode().strip() == model
        assert refused[1:3] == b"\x83\x02"
    assert Bench((), kind).ask(modbus.read_request(48, address, 8)) == []


def test_silent_device_is_silent() -> None:
    """An unknown device answers nothing, not even the broadcast."""
    bench = Bench((), Kind.SILENT)
    assert bench.ask(*(modbus.read_request(unit, 5000, 1) for unit in (48, 255))) == []


@pytest.mark.parametrize(("payload", "pieces"), [(20, [20, 20, 20, 13]), (248, [73])])
def test_notifications_hold_what_the_mtu_lets_them(
    payload: int, pieces: list[int]
) -> None:
    """A reply comes in as few notifications as fit, all at its moment."""
    bench = Bench(payload=payload)
    received = bench.ask(modbus.read_request(48, 5000, 34))
    assert [len(data) for data in received] == pieces
    moments = [moment for moment, _ in bench.received]
    assert moments == pytest.approx([0.262] * len(pieces))
    assert modbus.has_valid_crc(b"".join(received))


# Faults, by their names in the table.


def test_fault_silent() -> None:
    """The unit does not answer, the others do."""
    bench = Bench()
    bench.fault("silent", unit=48)
    assert bench.ask(READ_A1, READ_A2) == [A2]
    bench.faults.clear()
    assert bench.ask(READ_A1) == [A2, A1]


def test_fault_silent_leaves_the_broadcast_to_the_other() -> None:
    """With all packs but one silent, 255 is answered cleanly."""
    bench = Bench()
    bench.fault("silent", unit=49)
    assert bench.ask(modbus.read_request(255, 5042, 6)) == [A1]


def test_fault_late_reply() -> None:
    """The reply comes when the next request has long been answered."""
    bench = Bench()
    bench.fault("late-reply", unit=48, delay=2.3)
    assert bench.ask(READ_A1, READ_A2) == [A2, A1]
    assert [moment for moment, _ in bench.received] == pytest.approx([0.412, 2.506])


def test_fault_late_reply_every_third() -> None:
    """Every third reply is late, the others are not."""
    bench = Bench()
    bench.fault("late-reply", unit=48, delay=1.0, every=3)
    bench.ask(*[READ_A1] * 6)
    moments = [round(moment / 0.206, 2) for moment, _ in bench.received]
    assert moments == pytest.approx(
        [1, 2, 4, 5, 3 + 1 / 0.206, 6 + 1 / 0.206], abs=0.01
    )


def test_fault_lost_reply_every_second() -> None:
    """Every second reply is lost."""
    bench = Bench()
    bench.fault("lost-reply", every=2)
    assert bench.ask(READ_A1, READ_A1, READ_A1, READ_A2) == [A1, A1, A2]


def test_fault_lost_reply_by_chance_is_repeatable() -> None:
    """By chance about that share is lost, the same ones each time."""
    counts = []
    for _ in range(2):
        bench = Bench()
        bench.fault("lost-reply", probability=0.2)
        for _ in range(20):
            bench.ask(*[READ_A1] * 20)
        counts.append([moment for moment, _ in bench.received])
    assert counts[0] == counts[1]
    assert 280 < len(counts[0]) < 360


def test_fault_wrong_crc() -> None:
    """The reply's words are right and its CRC is not."""
    bench = Bench()
    bench.fault("wrong-crc")
    (reply,) = bench.ask(READ_A1)
    assert reply[:-1] == A1[:-1]
    assert not modbus.has_valid_crc(reply)


def test_fault_foreign_unit() -> None:
    """Another unit's own reply arrives."""
    bench = Bench()
    bench.fault("foreign-unit", unit=48)
    assert bench.ask(READ_A1) == [A2]


def test_fault_foreign_unit_of_a_single_pack() -> None:
    """With nobody else on the line the reply carries another id."""
    bench = Bench((PACK,))
    bench.fault("foreign-unit")
    assert bench.ask(READ_A1) == [modbus.relabelled(A1, 49)]


def test_fault_glued_notifications() -> None:
    """The previous reply stands in front of the right one, in one notification."""
    bench = Bench()
    bench.fault("glued-notifications", unit=48)
    read_status = modbus.read_request(48, 5100, 2)
    first, second = bench.ask(READ_A1, read_status)
    assert first == A1
    assert second == A1 + modbus.read_reply(48, [0, 0])


def test_fault_fragmented_notifications() -> None:
    """The reply comes in pieces with pauses."""
    bench = Bench()
    bench.fault("fragmented-notifications", size=7, gap=0.02)
    received = bench.ask(READ_A1)
    assert [len(data) for data in received] == [7, 7, 3]
    assert b"".join(received) == A1
    moments = [moment for moment, _ in bench.received]
    assert moments == pytest.approx([0.206, 0.226, 0.246])


def test_fault_wide_read_refused() -> None:
    """Wider reads than that are refused, narrower ones answered."""
    bench = Bench()
    bench.fault("wide-read-refused", words=34)
    wide, narrow = bench.ask(
        modbus.read_request(48, 5000, 35), modbus.read_request(48, 5000, 34)
    )
    assert wide == modbus.exception_reply(48, 3, 2)
    assert len(narrow) == 73


def test_fault_disconnect_mid_reply() -> None:
    """Part of the reply arrives, then the link breaks."""
    bench = Bench()
    bench.fault("disconnect-mid-reply", bytes=9)
    assert bench.ask(READ_A1) == [A1[:9]]
    assert bench.breaks == pytest.approx([0.206])


def test_fault_all_ff_reply() -> None:
    """The reply is a good frame of nothing but 0xFFFF; exceptions stay exceptions."""
    bench = Bench()
    bench.fault("all-ff-reply")
    reply, exception = bench.ask(READ_A1, modbus.read_request(48, 5053, 1))
    assert reply == modbus.read_reply(48, [0xFFFF] * 6)
    assert exception == modbus.exception_reply(48, 3, 2)


def test_fault_id_collision() -> None:
    """Two packs talk at once under one id; the others are not affected."""
    bench = Bench()
    bench.fault("id-collision", unit=48)
    garbled, clean = bench.ask(READ_A1, READ_A2)
    assert not modbus.has_valid_crc(garbled)
    assert clean == A2


def test_fault_dongle_wedged() -> None:
    """No request is answered, though each is taken."""
    bench = Bench()
    bench.fault("dongle-wedged")
    assert bench.ask(READ_A1, READ_A2) == []
    assert bench.statistics.requests == 2
    assert bench.statistics.replies == 0


def test_statistics_count_everything() -> None:
    """The counters say what was asked and answered."""
    bench = Bench()
    bench.ask(READ_A1, READ_A2, modbus.read_request(48, 5053, 1), b"noise")
    counted = bench.statistics
    assert (counted.requests, counted.request_bytes) == (4, 29)
    assert (counted.replies, counted.reply_bytes) == (3, 17 + 17 + 5)
    assert (counted.exceptions, counted.ignored_requests, counted.writes) == (1, 1, 0)
    assert counted.reply_seconds == pytest.approx(3 * 0.189 + 0.039)


def test_replies_word_for_word() -> None:
    """Each turn comes once, the last one from then on; other requests go to the units."""
    asked, other = READ_A1, modbus.read_request(48, 5042, 1)
    turns = (((0.1, b"one"), (0.3, b"two")), ((0.2, b"three"),), ())
    bench = Bench(replies={asked: turns})
    assert bench.ask(asked) == [b"one", b"two"]
    assert bench.received[1][0] == pytest.approx(0.3)
    assert bench.ask(asked, asked) == [b"one", b"two", b"three"]
    assert len(bench.ask(other)) == 4
    assert bench.received[-1][1][:3] == bytes((48, 3, 2))
