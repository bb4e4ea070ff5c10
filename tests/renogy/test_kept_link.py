# SPDX-License-Identifier: Apache-2.0
"""A link that is kept connected from poll to poll, and read at two speeds."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import override

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.renogy_bt.renogy.exceptions import LinkSilent, LinkUnreachable
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import LinkReport, ReadingFailure
from custom_components.renogy_bt.renogy.speeds import Extent
from tests.renogy.fake_link import (
    CONNECT_SECONDS,
    START,
    Delivery,
    FakeBattery,
    FakeLink,
    Fault,
    drop_in_reply,
    four_batteries,
    kept_link_to,
    late,
    rbt50lfp48s,
    silent,
    wrong_crc,
)
from tests.renogy.virtual_time import on_virtual_time

UNITS = (48, 49, 50, 51)
INTERVAL = 2.0


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _rounds(link: RenogyLink, count: int) -> list[LinkReport]:
    """Poll at the interval, from the beginning of one poll to the next."""
    reports = []
    for _ in range(count):
        began = _now()
        reports.append(await link.poll())
        await asyncio.sleep(max(0.0, began + INTERVAL - _now()))
    return reports


@on_virtual_time
async def test_a_kept_link_is_connected_to_once() -> None:
    """Polls go over one connection, which closing ends."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    reports = await _rounds(link, 20)
    assert len(fake.connections) == 1
    assert link.is_connected
    assert all(set(report.fresh) == set(UNITS) for report in reports)
    assert reports[0].statistics.connect_seconds == pytest.approx(CONNECT_SECONDS)
    assert reports[1].statistics.connect_seconds == 0
    await link.close()
    assert fake.connections[0].lost.done()
    assert not link.is_connected


@on_virtual_time
async def test_a_fast_round_takes_one_short_request_per_battery() -> None:
    """Current and power of four batteries come every 2 s, by four requests of 0.21 s each."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 6)
    fake.asked.clear()
    (report,) = await _rounds(link, 1)
    blocks = [asked.block for asked in fake.asked]
    assert blocks.count("5042x7") == 4
    assert sorted(blocks)[4:] in ([], ["5106x4"])
    assert report.statistics.seconds <= 0.83 + 0.21
    assert Extent.EVERYTHING not in report.extents.values()
    await link.close()


@on_virtual_time
async def test_everything_is_read_at_a_slow_pace() -> None:
    """Within any 60 s each battery is read wholly, and its protections within any 10 s."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 100)
    for unit in UNITS:
        for blocks, limit in (
            ({"5000x53"}, 60.0),
            ({"5106x4", "5100x10"}, 10.0),
        ):
            times = [
                asked.at
                for asked in fake.asked
                if asked.unit == unit and asked.block in blocks
            ]
            assert max(after - before for before, after in pairwise(times)) <= limit
    await link.close()


@pytest.mark.parametrize("interval", [20.0, 60.0, 600.0])
@on_virtual_time
async def test_at_a_usual_interval_every_poll_reads_everything(interval: float) -> None:
    """Only the connecting is left out."""
    fake = four_batteries()
    link = kept_link_to(fake, interval)
    await link.poll()
    await asyncio.sleep(interval)
    fake.asked.clear()
    report = await link.poll()
    assert fake.asked_of(48) == ["5000x53", "5100x10"]
    assert set(report.extents.values()) == {Extent.EVERYTHING}
    assert report.readings[48].rest_read_at is None
    assert len(fake.connections) == 1
    await link.close()


@on_virtual_time
async def test_a_protection_that_acts_is_seen_with_everything_of_that_moment() -> None:
    """A change of the status has the battery read wholly, in the same poll."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 1)
    fake.units[48].put(5106, [0x000E | 0x0010])
    for _ in range(6):
        (report,) = await _rounds(link, 1)
        if report.readings[48].status.alarms:
            break
    assert _now() <= 12
    assert report.extents[48] is Extent.EVERYTHING
    assert report.readings[48].rest_read_at is None
    await link.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param(5046, [0, 40_000], id="another capacity"),
        pytest.param(5048, [7], id="other cycles"),
        pytest.param(5043, [300], id="a voltage far off"),
        pytest.param(5044, [1, 0xFFFF], id="more than fits in"),
        pytest.param(5043, [0xFFFF], id="no voltage"),
        pytest.param(5042, [30_000], id="more than the pack can take"),
        pytest.param(5044, [0, 20_000], id="a charge that no current has carried"),
    ],
)
@on_virtual_time
async def test_what_is_odd_is_read_wholly_at_once(
    address: int, words: list[int]
) -> None:
    """Whether odd values are true is told by a whole reading, never by a part of one."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 2)
    fake.asked.clear()
    fake.units[48].put(address, words)
    (report,) = await _rounds(link, 1)
    blocks = fake.asked_of(48)
    assert blocks[:2] == ["5042x7", "5000x53"]
    shown = report.readings[48]
    if report.failed:
        assert report.failed == {48: ReadingFailure.INVALID}
        assert (shown.voltage, shown.total_capacity) == (52.4, 50.0)
    else:
        assert report.extents[48] is Extent.EVERYTHING
    await link.close()


@pytest.mark.parametrize("blocks", [("5042x7", "5042x9"), ("5106x4",)])
@pytest.mark.parametrize("is_silent", [False, True], ids=["refused", "silent"])
@on_virtual_time
async def test_a_battery_that_does_not_give_a_part_is_read_wholly(
    blocks: tuple[str, ...], is_silent: bool
) -> None:
    """What is refused is remembered; no value is missed, and none is late."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5052), (5100, 5141), (5200, 5229))
    fake = FakeLink({48: _Unwilling(battery, blocks, is_silent=is_silent)})
    link = kept_link_to(fake, INTERVAL)
    reports = await _rounds(link, 60)
    assert all(set(report.fresh) == {48} for report in reports)
    assert all(fake.asked_of(48).count(block) <= 6 for block in blocks)
    assert len(fake.connections) == 1
    wholly = [report.extents[48] is Extent.EVERYTHING for report in reports[10:]]
    assert all(wholly) if "5042x7" in blocks else wholly.count(True) >= 10
    await link.close()


class _Unwilling(FakeBattery):
    """A battery that gives everything but some blocks."""

    def __init__(
        self, battery: FakeBattery, blocks: tuple[str, ...], *, is_silent: bool
    ) -> None:
        super().__init__(registers=battery.registers, readable=battery.readable)
        self._blocks = blocks
        self._is_silent = is_silent

    @override
    def answer(self, unit: int, address: int, count: int) -> bytes:
        if f"{address}x{count}" not in self._blocks:
            return super().answer(unit, address, count)
        return b"" if self._is_silent else super().answer(unit, 1, 1)


@on_virtual_time
async def test_a_lost_connection_is_made_again_in_the_same_poll() -> None:
    """Batteries after the loss are read over the new connection."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 3)
    fake.faults[50, "5042x7"] = [drop_in_reply]
    report = await link.poll()
    assert len(fake.connections) == 2
    assert 51 in report.fresh
    await asyncio.sleep(INTERVAL)
    report = await link.poll()
    assert set(report.fresh) == set(UNITS)
    assert len(fake.connections) == 2
    await link.close()


@on_virtual_time
async def test_a_loss_between_two_polls_is_told() -> None:
    """Who keeps a link hears at once that it is gone, and the next poll connects."""
    fake = four_batteries()
    losses: list[float] = []
    link = kept_link_to(fake, 600.0, lost=lambda: losses.append(_now()))
    await link.poll()
    fake.connections[0].drop()
    await asyncio.sleep(0)
    assert losses == [_now()]
    assert not link.is_connected
    report = await link.poll()
    assert set(report.fresh) == set(UNITS)
    await link.let_go()
    await link.close()
    assert len(losses) == 1, "what is let go was not lost"


@on_virtual_time
async def test_a_connection_that_only_seems_to_stand_is_replaced() -> None:
    """Three requests without a reply over what once worked: it is dead, whatever bleak says."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 3)
    began = _now()
    fake.connections[0].is_deaf = True
    report = await link.poll()
    assert set(report.fresh) == set(UNITS), "asked again over the new connection"
    assert len(fake.connections) == 2
    assert _now() - began < 12
    await link.close()


@on_virtual_time
async def test_one_silent_battery_is_no_dead_connection() -> None:
    """Where others answer the connection stands, however long one battery is silent."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 3)
    del fake.units[49]
    reports = await _rounds(link, 30)
    assert len(fake.connections) == 1
    assert set(reports[-1].fresh) == {48, 50, 51}
    await link.close()


@on_virtual_time
async def test_a_lost_reply_or_two_make_nobody_unavailable() -> None:
    """A reading of a few seconds ago is no old one, where it would not be one otherwise."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 2)
    fake.faults[48, "5042x7"] = [silent, silent]
    (report,) = await _rounds(link, 1)
    assert report.failed == {48: ReadingFailure.SILENT}
    assert 48 in report.readings
    assert report.fresh == frozenset()
    (report,) = await _rounds(link, 1)
    assert report.fresh == {48}
    await link.close()


@on_virtual_time
async def test_a_silent_battery_is_gone_after_ten_seconds() -> None:
    """No old reading passes for a new one."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 2)
    del fake.units[49]
    gone_at = None
    began = _now()
    while gone_at is None:
        (report,) = await _rounds(link, 1)
        if 49 not in report.readings:
            gone_at = _now()
    assert 8 <= gone_at - began <= 14
    await link.close()


@on_virtual_time
async def test_a_link_that_falls_silent_fails_and_is_let_go() -> None:
    """The next poll begins with a new connection."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 2)
    fake.wedged = True
    with pytest.raises(LinkSilent):
        await _rounds(link, 20)
    assert not link.is_connected
    fake.wedged = False
    report = await link.poll()
    assert report.fresh
    await link.close()


@on_virtual_time
async def test_a_link_that_is_let_go_advertises_again() -> None:
    """Letting go ends the connection, after a poll that is under way."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await link.let_go()
    poll = asyncio.create_task(link.poll())
    await asyncio.sleep(1.0)
    await link.let_go()
    assert poll.done()
    assert set((await poll).fresh) == set(UNITS)
    assert fake.connections[0].lost.done()
    await link.poll()
    assert len(fake.connections) == 2
    await link.close()


@on_virtual_time
async def test_registers_are_read_over_the_kept_connection() -> None:
    """Nobody else is to be connected beside it."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    await link.poll()
    assert await link.read_registers(49, 5042, 2) == (0, 524)
    assert len(fake.connections) == 1
    report = await link.probe()
    assert len(report.batteries) == 4
    await link.poll()
    await link.close()
    assert all(connection.lost.done() for connection in fake.connections)


@on_virtual_time
async def test_a_link_that_cannot_be_reached_stays_unconnected() -> None:
    """Nothing is kept of an attempt that failed."""
    fake = four_batteries()
    link = kept_link_to(fake, INTERVAL)
    fake.unreachable = "off"
    with pytest.raises(LinkUnreachable):
        await link.poll()
    assert not link.is_connected
    await link.close()


# A whole reading is one request here, and so of one moment.
_WHOLE_BLOCKS = (
    *("5000x53", "5100x10", "5110x32", "5200x24", "5000x1"),
    *("5042x7", "5042x9", "5106x4"),
)


@on_virtual_time
async def test_a_reply_that_comes_a_poll_late_is_not_taken_for_a_new_one() -> None:
    """The next poll asks for replies of another length, until no late one can come any more."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = kept_link_to(fake, INTERVAL)
    await _rounds(link, 6)
    fake.asked.clear()
    fake.faults[48, "5042x7"] = [late(2.1)]
    await _rounds(link, 3)
    blocks = [block for block in fake.asked_of(48) if block.startswith("5042")]
    assert blocks == ["5042x7", "5042x7", "5042x9", "5042x9"]
    await _rounds(link, 3)
    assert fake.asked_of(48)[-1] in {"5042x7", "5106x4"}
    await link.close()


class _Moving(FakeBattery):
    """A battery whose every value tells the moment of the request.

    The cells of one moment have the voltage of that moment together, so that a mixture shows.
    """

    @override
    def answer(self, unit: int, address: int, count: int) -> bytes:
        if f"{address}x{count}" not in _WHOLE_BLOCKS:
            return super().answer(unit, 1, 1)
        tick = int(asyncio.get_running_loop().time() * 4) % 200
        self.put(5001, [34 if tick % 2 else 35] * 15)
        self.put(5035, [tick])
        self.put(5042, [tick + 1, 510 + tick % 16, 0, 40_000 + tick])
        return super().answer(unit, address, count)


def _mixture(report: LinkReport) -> list[str]:
    """Return what of the readings is not of one moment."""
    wrong = []
    for unit, reading in report.readings.items():
        tick = reading.current_count - 1
        if reading.voltage != pytest.approx((510 + tick % 16) / 10):
            wrong.append(f"{unit}: voltage")
        if reading.remaining_capacity != pytest.approx((40_000 + tick) / 1000):
            wrong.append(f"{unit}: capacity")
        if reading.power != pytest.approx(reading.voltage * (tick + 1) / 100, abs=0.01):
            wrong.append(f"{unit}: power")
        rest = round((reading.board_temperature or 0) * 10)
        if reading.cell_voltages != ((3.4 if rest % 2 else 3.5),) * 15:
            wrong.append(f"{unit}: cells")
        if reading.rest_read_at is None and rest != tick:
            wrong.append(f"{unit}: the rest is older than it says")
    return wrong


_FAULTS: Sequence[Fault] = (silent, late(1.1), late(2.6), wrong_crc, drop_in_reply)


@given(seed=st.integers(0, 2**32), interval=st.sampled_from([2.0, 3.0, 7.0, 15.0]))
@settings(max_examples=40, deadline=None)
@on_virtual_time
async def test_no_value_is_put_together_from_two_moments(
    seed: int, interval: float
) -> None:
    """Whatever is lost, late or garbled: each value is that of one moment."""
    random = Random(seed)

    def trouble(delivery: Delivery) -> Delivery:
        return random.choice(_FAULTS)(delivery) if random.random() < 0.1 else delivery

    battery = rbt50lfp48s()
    fake = FakeLink(
        {unit: _Moving(registers=dict(battery.registers)) for unit in UNITS}
    )
    fake.always = [trouble]
    link = kept_link_to(fake, interval)
    for _ in range(60):
        began = _now()
        try:
            report = await link.poll()
        except LinkSilent, LinkUnreachable:
            continue
        assert _mixture(report) == []
        for unit in report.fresh:
            tick = report.readings[unit].current_count - 1
            assert (tick - int(began * 4)) % 200 < 100, "of an earlier poll"
            assert _read_at(report, unit) >= began, "an old one passes for a new one"
        await asyncio.sleep(max(0.0, began + interval - _now()))
    await link.close()


def _read_at(report: LinkReport, unit: int) -> float:
    """Return when a reading was read, on the clock of the loop."""
    return (report.readings[unit].read_at - START).total_seconds()
