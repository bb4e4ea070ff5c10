# SPDX-License-Identifier: Apache-2.0
"""Tests of what goes wrong behind a link: every fault is noticed, and no wolf is cried."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
import random
from typing import override

import pytest

from custom_components.renogy_bt.renogy.exceptions import LinkClosed, LinkSilent
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.modbus import with_crc
from custom_components.renogy_bt.renogy.models import LinkReport, ReadingFailure
from tests.renogy.fake_link import (
    Delivery,
    FakeLink,
    FakeTransport,
    Fault,
    all_ones,
    drop_in_reply,
    four_batteries,
    glued_behind,
    in_parts,
    instead,
    late,
    link_to,
    of_unit,
    rbt50lfp48s,
    silent,
    text_words,
    wrong_crc,
)
from tests.renogy.vectors import CAPTURES, EXCEPTIONS
from tests.renogy.virtual_time import on_virtual_time

# As documented, not as the code has it.
SILENT_POLLS_UNTIL_BACKOFF = 3

A1 = CAPTURES["A1"].reply
A5 = CAPTURES["A5"].reply
REFUSAL_OF_48 = EXCEPTIONS[1][2]


def _invalid_blocks(link: RenogyLink) -> int:
    """Return how many blocks of unit 48 were refused since the link is polled."""
    counters: dict[str, int] = link.diagnostics()["units"]["48"]["counters"]
    return counters.get("invalid_blocks", 0)


async def _warm(fake: FakeLink) -> RenogyLink:
    """Return a link that has been polled once."""
    link = link_to(fake)
    await link.poll()
    await asyncio.sleep(60)
    fake.asked.clear()
    return link


async def _next_poll(link: RenogyLink, minutes: float = 1) -> LinkReport:
    await asyncio.sleep(60 * minutes)
    return await link.poll()


HARMLESS: dict[str, Fault] = {
    "late 0.9 s": late(0.9),
    "lost": silent,
    "wrong crc": wrong_crc,
    "foreign unit": of_unit(49),
    "glued": glued_behind(A1),
    "fragments": in_parts(20),
    "single bytes": in_parts(1),
    "another block": instead(A1),
    "all ones": all_ones,
    "late 2.3 s": late(2.3),
}
COSTS_A_RETRY = {
    "lost",
    "wrong crc",
    "foreign unit",
    "another block",
    "all ones",
    "late 2.3 s",
}


@pytest.mark.parametrize("block", ["5000x53", "5100x10"])
@pytest.mark.parametrize("name", HARMLESS)
@on_virtual_time
async def test_one_fault_costs_no_reading(name: str, block: str) -> None:
    """A single fault is mended within the poll, and every value published is right."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.units[48].put(5042, [1234, 523])
    fake.faults[48, block] = [HARMLESS[name]]
    report = await link.poll()
    assert report.failed == {}
    assert report.readings[48].current == 12.34
    assert report.readings[48].voltage == 52.3
    for unit in (49, 50, 51):
        remaining = report.readings[unit].remaining_capacity
        assert remaining == (49_842 - (unit - 48)) / 1000
    if name in COSTS_A_RETRY:
        assert report.statistics.retries == 1
    elif not name.startswith("late"):
        assert report.statistics.retries == 0
        assert report.statistics.timeouts == 0
    assert link.diagnostics()["units"]["48"]["plan"] == ["5000x53", "5100x10"]
    report = await _next_poll(link)
    assert report.failed == {}
    assert report.statistics.retries == 0
    await link.close()


@pytest.mark.parametrize("size", [1, 20, 23, 247])
@on_virtual_time
async def test_small_notifications_are_no_fault(size: int) -> None:
    """Replies in 20-byte notifications read as fast and as well as whole ones."""
    fake = four_batteries()
    fake.always.append(in_parts(size))
    link = await _warm(fake)
    report = await link.poll()
    assert report.failed == {}
    assert report.statistics.requests == 8
    assert report.statistics.dropped_frames == 0
    await link.close()


@on_virtual_time
async def test_a_battery_that_falls_silent() -> None:
    """It gets one retry in its first silent poll, then none, then a look every 5 minutes."""
    fake = four_batteries()
    link = await _warm(fake)
    lost = fake.units.pop(50)
    report = await link.poll()
    assert report.failed == {50: ReadingFailure.SILENT}
    assert tuple(report.readings) == (48, 49, 51)
    assert fake.asked_of(50) == ["5000x53", "5000x53"]
    fake.asked.clear()
    for _ in range(2):
        report = await _next_poll(link)
        assert report.failed == {50: ReadingFailure.SILENT}
    assert len(fake.asked_of(50)) == 2
    fake.asked.clear()
    for _ in range(4):
        report = await _next_poll(link)
        assert report.failed == {50: ReadingFailure.NOT_POLLED}
        assert 50 not in report.readings
    assert fake.asked_of(50) == []
    report = await _next_poll(link)
    assert report.failed == {50: ReadingFailure.SILENT}
    assert len(fake.asked_of(50)) == 1
    fake.units[50] = lost
    report = await _next_poll(link, minutes=5)
    assert report.failed == {}
    assert "5110x32" in fake.asked_of(50)
    await link.close()


@on_virtual_time
async def test_a_battery_that_never_answered() -> None:
    """At first contact it is asked in ever narrower forms, but only for so long."""
    fake = four_batteries()
    link = link_to(fake, (48, 49, 50, 51, 52))
    report = await link.poll()
    assert report.failed == {52: ReadingFailure.SILENT}
    assert fake.asked_of(52) == ["5000x110", "5000x53", "5000x34"]
    report = await _next_poll(link)
    assert report.failed == {52: ReadingFailure.SILENT}
    assert len(fake.asked_of(52)) == 4
    await link.close()


@pytest.mark.parametrize(
    ("deaf_to", "plan"),
    [
        (["5000x110"], ["5000x53", "5100x10"]),
        (["5000x110", "5000x53"], ["5000x34", "5035x18", "5100x10"]),
        (["5100x10", "5104x6"], ["5000x53", "5106x2"]),
        (["5000x110", "5100x10", "5104x6", "5106x2"], ["5000x53"]),
        (
            ["5000x110", "5000x53", "5035x18", "5042x11"],
            ["5000x34", "5042x7", "5100x10"],
        ),
    ],
)
@on_virtual_time
async def test_packs_that_are_silent_on_wide_requests(
    deaf_to: list[str], plan: list[str]
) -> None:
    """Silence leads to narrower blocks as well, and the search comes to an end."""
    battery = rbt50lfp48s()
    if "5000x110" in deaf_to:
        battery.readable = ((5000, 5229),)
    fake = FakeLink({48: battery})
    for block in deaf_to:
        fake.faults[48, block] = [silent] * 1000
    link = link_to(fake)
    for _ in range(8):
        with suppress(LinkSilent):
            await link.poll()
        await asyncio.sleep(60)
    fake.asked.clear()
    report = await link.poll()
    assert report.failed == {}
    assert report.statistics.timeouts == 0
    assert fake.asked_of(48) == plan
    await link.close()


@on_virtual_time
async def test_lost_replies_never_degrade_the_plan() -> None:
    """A pack that takes everything at once is asked so after a hundred lost replies."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5229),)
    fake = FakeLink({48: battery})
    link = await _warm(fake)
    for _ in range(100):
        fake.faults[48, "5000x110"] = [silent]
        assert (await _next_poll(link)).failed == {}
    fake.asked.clear()
    await _next_poll(link)
    assert fake.asked_of(48)[0] == "5000x110"
    await link.close()


@on_virtual_time
async def test_a_late_refusal_is_confirmed_before_it_is_believed() -> None:
    """An exception names no block: after a time-out it may belong to the request given up."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5052), (5100, 5141), (5200, 5229))
    fake = FakeLink({48: battery})
    # The refusal of 5000x110 comes late, and then once more in place of 5000x53.
    fake.faults[48, "5000x110"] = [silent]
    fake.faults[48, "5000x53"] = [instead(REFUSAL_OF_48)]
    link = link_to(fake)
    report = await link.poll()
    assert report.failed == {}
    assert fake.asked_of(48)[:4] == ["5000x110", "5000x53", "5000x53", "5100x10"]
    await _next_poll(link)
    assert link.diagnostics()["units"]["48"]["plan"] == ["5000x53", "5100x10"]
    await link.close()


@on_virtual_time
async def test_a_spurious_refusal_of_a_proven_block_is_confirmed() -> None:
    """What a battery gave before is not given up for one exception."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = await _warm(fake)
    fake.faults[48, "5000x53"] = [instead(REFUSAL_OF_48)]
    report = await link.poll()
    assert report.failed == {}
    assert fake.asked_of(48) == ["5000x53", "5000x53", "5100x10"]
    await link.close()


@on_virtual_time
async def test_a_passing_failure_to_read_is_asked_again() -> None:
    """Exception 4 is no refusal of a block that was given before."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = await _warm(fake)
    failed_to_read = EXCEPTIONS[3][2]
    fake.faults[48, "5100x10"] = [instead(failed_to_read)]
    report = await link.poll()
    assert report.failed == {}
    fake.faults[48, "5100x10"] = [instead(failed_to_read)] * 3
    report = await _next_poll(link)
    assert report.failed == {48: ReadingFailure.REFUSED}
    assert 48 in report.readings
    report = await _next_poll(link)
    assert report.failed == {}
    assert link.diagnostics()["units"]["48"]["plan"] == ["5000x53", "5100x10"]
    await link.close()


@on_virtual_time
async def test_a_pack_that_fails_to_read_wide_blocks() -> None:
    """Exception 4 on every wide request leads to narrower ones without losing a poll."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5033), (5035, 5052), (5100, 5109))
    battery.refusal = 4
    fake = FakeLink({48: battery})
    link = link_to(fake)
    for _ in range(4):
        assert (await _next_poll(link)).failed == {}
    fake.asked.clear()
    await _next_poll(link)
    assert fake.asked_of(48) == ["5000x34", "5035x18", "5100x10"]
    await link.close()


@on_virtual_time
async def test_an_invalid_reading_is_held_for_three_polls() -> None:
    """The last good values stand in, then the battery has none; the event is counted."""
    fake = four_batteries()
    link = await _warm(fake)
    good = (await link.poll()).readings[48]
    fake.units[48].put(5043, [37_260])
    for poll in range(1, 4):
        report = await _next_poll(link)
        assert report.failed == {48: ReadingFailure.INVALID}
        assert report.readings[48] == good
        assert _invalid_blocks(link) >= poll
    report = await _next_poll(link)
    assert report.failed == {48: ReadingFailure.INVALID}
    assert 48 not in report.readings
    unit = link.diagnostics()["units"]["48"]
    assert unit["counters"]["invalid"] == 4
    assert unit["last_objection"].startswith("voltage")
    fake.units[48].put(5043, [524])
    report = await _next_poll(link)
    assert report.failed == {}
    await link.close()


@on_virtual_time
async def test_an_invalid_reading_is_held_for_five_minutes_at_most() -> None:
    """With a long interval an old reading does not pass for a new one."""
    fake = four_batteries()
    link = await _warm(fake)
    await link.poll()
    fake.units[48].put(5000, [0])
    assert 48 in (await _next_poll(link, minutes=4)).readings
    assert 48 not in (await _next_poll(link, minutes=4)).readings
    await link.close()


@on_virtual_time
async def test_an_invalid_reading_is_read_again_once() -> None:
    """A battery that just failed gets one more chance, a failing one does not double polls."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = await _warm(fake)
    fake.units[48].put(5043, [37_260])
    await link.poll()
    assert fake.asked_of(48) == ["5000x53", "5100x10"] * 2
    fake.asked.clear()
    await _next_poll(link)
    assert fake.asked_of(48) == ["5000x53", "5100x10"]
    await link.close()


@on_virtual_time
async def test_a_wide_block_that_was_never_believable_is_read_in_parts() -> None:
    """A pack whose longest reply holds nonsense is known by its narrower blocks."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5229),)
    fake = FakeLink({48: battery})
    fake.faults[48, "5000x110"] = [all_ones] * 1000
    link = link_to(fake)
    for _ in range(3):
        assert (await _next_poll(link)).failed == {}
    fake.asked.clear()
    invalid = _invalid_blocks(link)
    await _next_poll(link)
    assert fake.asked_of(48) == ["5000x53", "5100x10"]
    assert _invalid_blocks(link) == invalid
    await link.close()


@on_virtual_time
async def test_a_battery_that_answers_in_part_is_not_silent() -> None:
    """Without its status a reading is not whole: the last one is held."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.faults[49, "5100x10"] = [silent] * 3
    report = await link.poll()
    assert report.failed == {49: ReadingFailure.INVALID}
    assert 49 in report.readings
    assert (await _next_poll(link)).failed == {}
    await link.close()


@on_virtual_time
async def test_a_battery_that_is_there_gets_one_more_retry() -> None:
    """Once it has answered in a poll, two lost replies in a row cost no reading."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.faults[49, "5100x10"] = [silent] * 2
    report = await link.poll()
    assert report.failed == {}
    assert report.statistics.retries == 2
    await link.close()


@on_virtual_time
async def test_a_long_silent_battery_costs_half_a_second() -> None:
    """It is looked for with the shortest request, and the others do not wait for it."""
    fake = four_batteries()
    link = await _warm(fake)
    whole = (await link.poll()).statistics
    lost = fake.units.pop(50)
    for _ in range(SILENT_POLLS_UNTIL_BACKOFF):
        await _next_poll(link)
    for _ in range(5):
        fake.asked.clear()
        report = await _next_poll(link, minutes=5)
        assert report.failed == {50: ReadingFailure.SILENT}
        assert fake.asked_of(50) == ["5000x1"]
        assert report.statistics.seconds < whole.seconds + 0.5
    fake.units[50] = lost
    fake.faults[50, "5000x110"] = [silent]
    report = await _next_poll(link, minutes=5)
    assert report.failed == {}
    await link.close()


@on_virtual_time
async def test_a_slow_battery_is_found_again() -> None:
    """One that takes longer than the others is not looked for in vain for ever."""
    fake = four_batteries()
    link = await _warm(fake)
    slow = fake.units.pop(51)
    for _ in range(SILENT_POLLS_UNTIL_BACKOFF):
        await _next_poll(link)
    fake.units[51] = slow
    fake.faults[51, "5000x1"] = [late(1.5)] * 9
    reports = [await _next_poll(link, minutes=5) for _ in range(4)]
    assert reports[0].failed == {51: ReadingFailure.SILENT}
    assert reports[-1].failed == {}
    await link.close()


@on_virtual_time
async def test_a_battery_that_only_refuses_is_back() -> None:
    """An exception is a sign of life as well."""
    fake = four_batteries()
    link = await _warm(fake)
    lost = fake.units.pop(51)
    for _ in range(SILENT_POLLS_UNTIL_BACKOFF):
        await _next_poll(link)
    fake.units[51] = lost
    fake.faults[51, "5000x1"] = [instead(with_crc(bytes((51, 0x83, 2))))]
    assert (await _next_poll(link, minutes=5)).failed == {}
    await link.close()


@on_virtual_time
async def test_a_battery_that_is_back_but_not_yet_read_is_asked_again_at_once() -> None:
    """A sign of life ends the long silence even when no reading follows it."""
    fake = four_batteries()
    link = await _warm(fake)
    lost = fake.units.pop(50)
    for _ in range(SILENT_POLLS_UNTIL_BACKOFF):
        await _next_poll(link)
    fake.units[50] = lost
    for block in ("5000x110", "5000x53", "5000x34"):
        fake.faults[50, block] = [silent] * 3
    report = await _next_poll(link, minutes=5)
    assert report.failed == {50: ReadingFailure.INVALID}
    fake.faults.clear()
    report = await _next_poll(link)
    assert report.failed == {}
    await link.close()


@on_virtual_time
async def test_a_link_lost_in_mid_poll_keeps_what_was_read() -> None:
    """Lost a second time, nobody waits on the dead link; the rest is held and reported."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.faults[50, "5000x53"] = [drop_in_reply] * 2
    began = asyncio.get_running_loop().time()
    report = await link.poll()
    assert asyncio.get_running_loop().time() - began < 5.5
    assert report.failed == {
        50: ReadingFailure.LINK_LOST,
        51: ReadingFailure.LINK_LOST,
    }
    assert tuple(report.readings) == (48, 49, 50, 51)
    assert report.readings[51].read_at < report.readings[49].read_at
    assert (await _next_poll(link)).failed == {}
    await link.close()


@on_virtual_time
async def test_a_lost_link_is_connected_to_once_more() -> None:
    """The poll goes on where it was, and asks nobody twice who was read before."""
    fake = four_batteries()
    link = await _warm(fake)
    before = len(fake.connections)
    fake.faults[49, "5100x10"] = [drop_in_reply]
    report = await link.poll()
    assert report.failed == {}
    assert len(fake.connections) == before + 2
    assert fake.asked_of(48) == ["5000x53", "5100x10"]
    assert fake.asked_of(49) == ["5000x53", "5100x10"] * 2
    assert fake.asked_of(51) == ["5000x53", "5100x10"]
    assert report.statistics.requests == 10
    assert report.statistics.connect_seconds == pytest.approx(1.6)
    await link.close()


@on_virtual_time
async def test_a_lost_link_that_is_gone_keeps_what_was_read() -> None:
    """When the second connection fails, the poll ends as one whose link was lost."""
    fake = four_batteries()
    link = await _warm(fake)

    def lost_for_good(delivery: Delivery) -> Delivery:
        fake.unreachable = "out of range"
        return drop_in_reply(delivery)

    fake.faults[49, "5000x53"] = [lost_for_good]
    report = await link.poll()
    lost = ReadingFailure.LINK_LOST
    assert report.failed == {49: lost, 50: lost, 51: lost}
    assert tuple(report.readings) == (48, 49, 50, 51)
    await link.close()


@on_virtual_time
async def test_a_second_connection_keeps_within_the_time_of_the_poll() -> None:
    """A link that is slow to connect again does not make the poll longer than 30 s."""

    class SlowAtSecond(FakeLink):
        @override
        async def _connect(self) -> FakeTransport:
            if self.connections:
                await asyncio.sleep(60)
            return await super()._connect()

    fake = SlowAtSecond(four_batteries().units)
    fake.faults[48, "5000x110"] = [drop_in_reply]
    link = link_to(fake)
    began = asyncio.get_running_loop().time()
    report = await link.poll()
    assert asyncio.get_running_loop().time() - began == pytest.approx(30.0)
    assert set(report.failed.values()) == {ReadingFailure.LINK_LOST}
    await link.close()


@on_virtual_time
async def test_a_link_lost_before_anything_was_read() -> None:
    """All batteries are lost with the link; held readings are dropped in time."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.always.append(drop_in_reply)
    for _ in range(3):
        report = await _next_poll(link)
        assert set(report.failed.values()) == {ReadingFailure.LINK_LOST}
        assert len(report.readings) == 4
    assert (await _next_poll(link)).readings == {}
    await link.close()


@on_virtual_time
async def test_a_link_lost_while_details_are_read_costs_no_reading() -> None:
    """The measurements were in, and the details are read another time."""
    fake = four_batteries()
    fake.faults[48, "5110x32"] = [drop_in_reply]
    link = link_to(fake)
    report = await link.poll()
    assert report.failed == {}
    assert len(report.readings) == 4
    assert report.identities == {}
    await link.close()


@on_virtual_time
async def test_a_poll_ends_after_thirty_seconds() -> None:
    """What was read by then is kept, what was not is not polled."""
    units = {48 + index: rbt50lfp48s() for index in range(30)}
    fake = FakeLink(units)
    fake.always.append(lambda delivery: replace(delivery, seconds=0.7))
    link = link_to(fake)
    began = asyncio.get_running_loop().time()
    report = await link.poll()
    assert asyncio.get_running_loop().time() - began == pytest.approx(30)
    assert 10 < len(report.readings) < 20
    assert set(report.failed.values()) == {ReadingFailure.NOT_POLLED}
    await link.close()


@on_virtual_time
async def test_a_wedged_dongle_is_left_alone() -> None:
    """Long silent, it is asked for one battery per poll; when it is back all are read."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.wedged = True
    for _ in range(3):
        with pytest.raises(LinkSilent):
            await _next_poll(link)
    fake.asked.clear()
    for _ in range(4):
        with pytest.raises(LinkSilent):
            await _next_poll(link)
    assert [asked.unit for asked in fake.asked] == [48, 49, 50, 51]
    fake.wedged = False
    report = await _next_poll(link)
    assert report.failed == {}
    assert len(report.readings) == 4
    await link.close()


@on_virtual_time
async def test_writes_that_hang_do_not_hang_the_poll() -> None:
    """With a Bluetooth daemon that answers nothing a poll ends as a silent one."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.hangs_on_write = True
    began = asyncio.get_running_loop().time()
    with pytest.raises(LinkSilent):
        await link.poll()
    assert asyncio.get_running_loop().time() - began < 30
    await link.close()


@on_virtual_time
async def test_an_identity_of_nothing_but_ones_is_not_believed() -> None:
    """What is known of a battery is kept when it says nothing of itself."""
    fake = four_batteries()
    link = await _warm(fake)
    lost = fake.units.pop(49)
    known = (await link.poll()).identities[49]
    fake.units[49] = lost
    fake.asked.clear()
    fake.faults[49, "5110x32"] = [all_ones]
    report = await _next_poll(link)
    assert "5110x32" in fake.asked_of(49)
    assert report.identities[49] == known
    assert known.serial_number is not None
    await link.close()


@on_virtual_time
async def test_another_battery_behind_the_same_id_by_its_serial_number() -> None:
    """A swap is reported once, with the new battery's identity."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.units[49].put(5110, text_words("OTHER-PACK-00001", 8))
    report = await _next_poll(link)
    assert report.identity_changed == ()
    report = await _next_poll(link, minutes=360)
    assert report.identity_changed == (49,)
    assert report.identities[49].serial_number == "OTHER-PACK-00001"
    assert (await _next_poll(link)).identity_changed == ()
    counters = link.diagnostics()["units"]["49"]["counters"]
    assert counters["identity_changed"] == 1
    await link.close()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({5044: [1, 34_000, 1, 34_464]}, id="capacity"),
        pytest.param({5048: [3]}, id="fewer cycles"),
        pytest.param({5000: [14], 5015: [0], 5043: [490]}, id="cells"),
    ],
)
@on_virtual_time
async def test_another_battery_behind_the_same_id_by_its_values(
    changes: dict[int, list[int]],
) -> None:
    """Serial numbers repeat: capacity, cycles and cells tell batteries apart, if not but once."""
    fake = four_batteries()
    link = await _warm(fake)
    for address, words in changes.items():
        fake.units[49].put(address, words)
    report = await _next_poll(link)
    assert report.failed == {49: ReadingFailure.INVALID}
    assert report.refused == {49: "unconfirmed_battery"}
    assert report.identity_changed == ()
    report = await _next_poll(link)
    assert report.failed == {}
    assert report.identity_changed == (49,)
    assert "5110x32" in fake.asked_of(49)
    assert "5110x32" not in fake.asked_of(48)
    assert report.identities[49].model == "RBT50LFP48S"
    assert (await _next_poll(link)).identity_changed == ()
    await link.close()


@on_virtual_time
async def test_a_first_reading_that_is_hardly_true_costs_no_block() -> None:
    """It waits for the next poll; that the battery gives wide blocks is not in doubt."""
    fake = FakeLink({48: rbt50lfp48s(current=9_000)})
    link = link_to(fake)
    report = await link.poll()
    assert report.refused == {48: "unconfirmed_current"}
    report = await _next_poll(link)
    assert report.readings[48].current == 90.0
    assert report.fresh == {48}
    plan = link.diagnostics()["units"]["48"]["plan"]
    assert plan == ["5000x53", "5100x10"]
    await link.close()


@on_virtual_time
async def test_a_change_that_was_not_reported_is_told_by_the_next_report() -> None:
    """A poll that is ended after it noticed another battery does not hide it."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.units[49].put(5046, [0, 30_000])
    fake.units[49].put(5044, [0, 20_000])
    assert 49 in (await _next_poll(link)).failed
    poll = asyncio.ensure_future(link.poll())
    while "5110x32" not in fake.asked_of(49):
        await asyncio.sleep(0.1)
    await link.close()
    with pytest.raises(LinkClosed):
        await poll
    assert (await _next_poll(link)).identity_changed == (49,)
    assert (await _next_poll(link)).identity_changed == ()
    await link.close()


@on_virtual_time
async def test_a_battery_that_ages_is_the_same() -> None:
    """More cycles and a calibrated capacity are no swap."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.units[49].put(5046, [0, 49_995, 42])
    assert (await _next_poll(link)).identity_changed == ()
    await link.close()


@on_virtual_time
async def test_ids_swapped_after_a_silence_are_noticed_at_once() -> None:
    """A battery that was away is asked who it is when it is back."""
    fake = four_batteries()
    link = await _warm(fake)
    away = fake.units.pop(49)
    await link.poll()
    away.put(5110, text_words("OTHER-PACK-00001", 8))
    fake.units[49] = away
    report = await _next_poll(link)
    assert report.failed == {}
    assert report.identity_changed == (49,)
    await link.close()


@on_virtual_time
async def test_two_batteries_with_one_id() -> None:
    """Their replies collide: nothing wrong is published, and the others are read."""
    fake = four_batteries()
    link = await _warm(fake)
    fake.faults[48, "5000x53"] = [wrong_crc] * 100
    report = await _next_poll(link)
    assert report.failed == {48: ReadingFailure.SILENT}
    assert report.garbled == (48,)
    assert tuple(report.readings) == (49, 50, 51)
    fake.faults.clear()
    report = await _next_poll(link)
    assert report.failed == {}
    assert report.garbled == ()
    await link.close()


@pytest.mark.parametrize(
    ("fault", "garbled"),
    [
        pytest.param(silent, (), id="nothing at all"),
        pytest.param(wrong_crc, (48,), id="no frame"),
        pytest.param(of_unit(50), (), id="another unit"),
    ],
)
@on_virtual_time
async def test_garbled_is_not_silent(fault: Fault, garbled: tuple[int, ...]) -> None:
    """Only bytes that are no frame are garbled, also when nobody else answers."""
    fake = four_batteries()
    link = link_to(fake, (48,))
    fake.always.append(fault)
    with pytest.raises(LinkSilent) as caught:
        await link.poll()
    assert caught.value.garbled == garbled
    await link.close()


def _random_faults(chooser: random.Random) -> Fault:
    """Return faults at the rates of a bad radio."""
    faults: list[tuple[float, Fault]] = [
        (0.05, silent),
        (0.01, late(0.9)),
        (0.01, late(2.3)),
        (0.02, wrong_crc),
        (0.02, of_unit(49)),
        (0.02, glued_behind(A5)),
        (0.01, instead(A1)),
        (0.01, instead(A5)),
        (0.01, all_ones),
        (0.10, in_parts(20)),
        (0.01, instead(REFUSAL_OF_48)),
        (0.002, drop_in_reply),
    ]

    def fault(delivery: Delivery) -> Delivery:
        dice = chooser.random()
        for rate, kind in faults:
            if dice < rate:
                return kind(delivery)
            dice -= rate
        return delivery

    return fault


@pytest.mark.parametrize("seed", range(5))
@on_virtual_time
async def test_no_wrong_value_is_ever_published(seed: int) -> None:
    """Through hours of faults of all kinds every new reading is the truth, and most are new."""
    chooser = random.Random(seed)
    fake = four_batteries()
    link = await _warm(fake)
    fake.always.append(_random_faults(chooser))
    outcomes: Counter[str] = Counter()
    for minute in range(200):
        current = minute * 10
        for index, battery in enumerate(fake.units.values()):
            battery.put(5042, [current + index, 520 + index])
        report = await _next_poll(link)
        for unit, reading in report.readings.items():
            if unit in report.failed:
                continue
            outcomes["new"] += 1
            index = unit - 48
            assert reading.current == (current + index) / 100
            assert reading.voltage == (520 + index) / 10
            assert reading.remaining_capacity == (49_842 - index) / 1000
            assert reading.status.alarms == ()
    assert outcomes["new"] > 0.9 * 4 * 200
    await link.close()
