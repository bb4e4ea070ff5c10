# SPDX-License-Identifier: Apache-2.0
"""Tests of polling a link: what is asked, what is reported, what is remembered."""

import asyncio
from datetime import timedelta
import json

import pytest

from custom_components.renogy_bt.renogy.exceptions import (
    ExceptionReply,
    LinkClosed,
    LinkSilent,
    LinkUnreachable,
    ReplyTimeout,
)
from custom_components.renogy_bt.renogy.families import PRO, RNGPRO125BAT, STANDARD
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import ReadingFailure
from tests.renogy.fake_link import (
    CONNECT_SECONDS,
    DISCONNECT_SECONDS,
    START,
    FakeBattery,
    FakeLink,
    FakeTransport,
    four_batteries,
    link_to,
    rbt50lfp48s,
    silent,
)
from tests.renogy.virtual_time import on_virtual_time

# As documented, not as the code has it.
LONGEST_CONNECT_SECONDS = 180.0

UNITS = (48, 49, 50, 51)


def _now() -> float:
    return asyncio.get_running_loop().time()


@on_virtual_time
async def test_four_batteries_are_read_completely() -> None:
    """The first poll brings readings, identities and configurations of all."""
    fake = four_batteries()
    link = link_to(fake)
    report = await link.poll()
    assert tuple(report.readings) == UNITS
    assert report.failed == {}
    assert report.identity_changed == ()
    assert [each.model for each in report.identities.values()] == ["RBT50LFP48S"] * 4
    assert report.configurations[51].cell_over_voltage == 3.7
    assert report.readings[49].remaining_capacity == 49.841
    assert report.readings[48].read_at > START
    await link.close()


@on_virtual_time
async def test_a_warm_poll_takes_two_requests_per_battery() -> None:
    """Once known, an RBT50LFP48S is read by 5000x53 and 5100x10, and by nothing else."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    fake.asked.clear()
    report = await link.poll()
    for unit in UNITS:
        assert fake.asked_of(unit) == ["5000x53", "5100x10"]
    assert report.statistics.requests == 8
    assert report.statistics.retries == 0
    await link.close()


@on_virtual_time
async def test_the_line_never_waits_for_us() -> None:
    """A poll of four batteries takes no longer than the line itself does."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    await asyncio.sleep(60)
    fake.line_seconds = 0.0
    statistics = (await link.poll()).statistics
    reading = statistics.seconds - statistics.connect_seconds
    assert statistics.connect_seconds == pytest.approx(CONNECT_SECONDS)
    assert fake.line_seconds == pytest.approx(2.045, abs=0.01)
    assert reading <= 1.05 * fake.line_seconds
    await link.close()


@on_virtual_time
async def test_a_pack_that_takes_everything_at_once_is_asked_once() -> None:
    """Where 5000 to 5109 can be read in one request, a warm poll is one request."""
    battery = rbt50lfp48s()
    battery.readable = ((5000, 5229),)
    fake = FakeLink({48: battery})
    link = link_to(fake)
    await link.poll()
    fake.asked.clear()
    report = await link.poll()
    assert fake.asked_of(48) == ["5000x110"]
    assert report.readings[48].status.fully_charged is True
    await link.close()


@pytest.mark.parametrize(
    ("readable", "blocks"),
    [
        (
            ((5000, 5033), (5035, 5052), (5100, 5141)),
            ["5000x34", "5035x18", "5100x10"],
        ),
        (
            ((5000, 5033), (5042, 5052), (5104, 5131)),
            ["5000x34", "5042x11", "5104x6"],
        ),
        (
            ((5000, 5033), (5042, 5048), (5106, 5107)),
            ["5000x34", "5042x7", "5106x2"],
        ),
        (((5000, 5033), (5042, 5048)), ["5000x34", "5042x7"]),
        (
            ((5000, 5016), (5017, 5033), (5042, 5048)),
            ["5000x17", "5017x16", "5042x7"],
        ),
    ],
)
@pytest.mark.parametrize("refusal", [2, 3])
@on_virtual_time
async def test_packs_that_give_less_at_once(
    readable: tuple[tuple[int, int], ...], blocks: list[str], refusal: int
) -> None:
    """Refusals lead to narrower blocks within the first poll, and are remembered."""
    battery = rbt50lfp48s()
    battery.readable = readable
    battery.refusal = refusal
    fake = FakeLink({48: battery})
    link = link_to(fake)
    first = (await link.poll()).readings[48]
    fake.asked.clear()
    second = (await link.poll()).readings[48]
    assert fake.asked_of(48) == blocks
    assert first.voltage == second.voltage == 52.4
    assert link.diagnostics()["units"]["48"]["plan"] == blocks
    await link.close()


@on_virtual_time
async def test_a_pack_that_refuses_what_is_indispensable() -> None:
    """Without cell voltages there is no reading, and the reason is reported."""
    battery = rbt50lfp48s()
    battery.readable = ((5042, 5048),)
    link = link_to(FakeLink({48: battery}))
    report = await link.poll()
    assert report.readings == {}
    assert report.failed == {48: ReadingFailure.REFUSED}
    await link.close()


@on_virtual_time
async def test_identity_may_be_the_model_alone() -> None:
    """Where 5110x32 is refused the model is read; where that is too, nothing is known."""
    named, nameless = rbt50lfp48s(), rbt50lfp48s()
    named.readable = ((5000, 5052), (5100, 5109), (5122, 5129))
    nameless.readable = ((5000, 5052), (5100, 5109))
    fake = FakeLink({48: named, 49: nameless})
    link = link_to(fake)
    report = await link.poll()
    assert report.identities[48].model == "RBT50LFP48S"
    assert report.identities[48].serial_number is None
    assert report.identities[49].model is None
    assert report.configurations[48].cell_high_voltage is None
    await link.close()


@on_virtual_time
async def test_identity_and_configuration_are_read_every_six_hours() -> None:
    """They are no part of the usual poll."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    fake.asked.clear()
    for _ in range(4):
        await asyncio.sleep(3600)
        await link.poll()
    assert "5110x32" not in fake.asked_of(48)
    await asyncio.sleep(3 * 3600)
    fake.asked.clear()
    report = await link.poll()
    assert fake.asked_of(48) == ["5000x53", "5100x10", "5110x32", "5200x24"]
    assert fake.asked[-1].unit == 51
    assert report.identities[48].model == "RBT50LFP48S"
    await link.close()


@on_virtual_time
async def test_an_identity_that_cannot_be_had_is_tried_again_later() -> None:
    """A lost identity costs no reading, and not every poll."""
    fake = FakeLink({48: rbt50lfp48s()})
    fake.faults[48, "5110x32"] = [silent] * 2
    fake.faults[48, "5122x8"] = [silent] * 9
    link = link_to(fake)
    report = await link.poll()
    assert 48 in report.readings
    assert report.identities == {}
    fake.asked.clear()
    fake.faults.clear()
    await asyncio.sleep(60)
    await link.poll()
    assert fake.asked_of(48) == ["5000x53", "5100x10"]
    await asyncio.sleep(300)
    report = await link.poll()
    assert report.identities[48].serial_number == "22RBH4A051020000"
    await link.close()


@on_virtual_time
async def test_details_that_are_lost_are_tried_again_later() -> None:
    """What was given before is not given up, and neither is the rest."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = link_to(fake)
    await link.poll()
    await asyncio.sleep(6 * 3600)
    fake.faults[48, "5200x24"] = [silent] * 2
    report = await link.poll()
    assert report.failed == {}
    assert report.configurations[48].cell_high_voltage == 3.5
    fake.asked.clear()
    await asyncio.sleep(300)
    await link.poll()
    assert fake.asked_of(48)[2:] == ["5110x32", "5200x24"]
    await link.close()


@on_virtual_time
async def test_an_impossible_configuration_is_not_taken() -> None:
    """Limits that cannot be true are counted and left out."""
    battery = rbt50lfp48s()
    battery.put(5200, [0] * 24)
    link = link_to(FakeLink({48: battery}))
    report = await link.poll()
    assert report.configurations == {}
    told = link.diagnostics()["units"]["48"]
    assert told["counters"]["invalid_blocks"] == 1
    assert "cell_limits" in told["last_objection"]
    await link.close()


@on_virtual_time
async def test_polls_disconnect_behind_their_back() -> None:
    """Values are there before the disconnect is over, and the next connection waits for it."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    (connection,) = fake.connections
    assert not connection.lost.done()
    began = _now()
    report = await link.poll()
    assert report.statistics.connect_seconds == pytest.approx(CONNECT_SECONDS)
    assert _now() - began == pytest.approx(
        DISCONNECT_SECONDS + report.statistics.seconds, abs=0.01
    )
    began = _now()
    await link.close()
    assert _now() - began == pytest.approx(DISCONNECT_SECONDS)
    await link.close()


@on_virtual_time
async def test_a_disconnect_that_hangs_does_not_hold_up_the_next_poll_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A disconnect that ignores its own limit is abandoned."""
    fake = FakeLink({48: rbt50lfp48s()})
    link = link_to(fake)
    stuck: list[FakeTransport] = []
    disconnect = FakeTransport.disconnect

    async def hang_once(self: FakeTransport) -> None:
        if stuck:
            await disconnect(self)
            return
        stuck.append(self)
        await asyncio.sleep(3600)

    monkeypatch.setattr(FakeTransport, "disconnect", hang_once)
    await link.poll()
    (connection,) = fake.connections
    fake.connections.clear()
    began = _now()
    await link.poll()
    assert _now() - began < 15
    assert not connection.lost.done()
    await link.close()


@on_virtual_time
async def test_an_unreachable_link_is_an_error_with_a_reason() -> None:
    """No connection, no report; the next poll starts afresh."""
    fake = four_batteries()
    link = link_to(fake)
    fake.unreachable = "not in range"
    with pytest.raises(LinkUnreachable, match="not in range"):
        await link.poll()
    fake.unreachable = None
    assert (await link.poll()).failed == {}
    await link.close()


@on_virtual_time
async def test_a_connector_that_hangs_is_bounded() -> None:
    """Even a connector without a limit of its own does not hang a poll for ever."""

    async def hang() -> None:
        await asyncio.Event().wait()

    link = RenogyLink("link", (48,), hang, family=PRO)  # type: ignore[arg-type]
    with pytest.raises(LinkUnreachable):
        await link.poll()
    assert _now() == pytest.approx(LONGEST_CONNECT_SECONDS)


@on_virtual_time
async def test_a_link_without_any_answer_is_silent() -> None:
    """Connected, written to, not one reply: the dongle is wedged."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    fake.wedged = True
    with pytest.raises(LinkSilent):
        await link.poll()
    fake.wedged = False
    report = await link.poll()
    assert report.failed == {}
    await link.close()


@on_virtual_time
async def test_a_battery_with_built_in_bluetooth_is_asked_as_255() -> None:
    """Its own id in the reply is accepted, and the reading belongs to unit 255."""
    battery = FakeBattery(readable=((5000, 5052), (5100, 5141)), reply_unit=48)
    battery.put(5000, [4, 33, 33, 33, 33])
    battery.put(5017, [1, 200])
    battery.put(5042, [0xFF37, 133, 7, 18_222, 7, 41_248, 24])
    battery.put(5100, [0, 0x00AA, 0, 0, 0, 0, 6, 0])
    fake = FakeLink({255: battery})
    link = link_to(fake, family=RNGPRO125BAT)
    report = await link.poll()
    assert report.readings[255].current == -2.01
    assert report.readings[255].status.problem is False
    await link.close()


@on_virtual_time
async def test_registers_can_be_read_one_by_one() -> None:
    """Anything can be read for a diagnosis, over a connection of its own."""
    fake = four_batteries()
    link = link_to(fake)
    assert await link.read_registers(48, 5042, 4) == (0, 524, 0, 49_842)
    fake.faults[48, "5223x1"] = [silent]
    assert await link.read_registers(48, 5223, 1) == (48,)
    with pytest.raises(ExceptionReply) as caught:
        await link.read_registers(48, 5034, 30)
    assert caught.value.code == 2
    with pytest.raises(ReplyTimeout):
        await link.read_registers(60, 5000, 1)
    with pytest.raises(ValueError):
        await link.read_registers(48, 5000, 126)
    await link.close()
    assert all(each.lost.done() for each in fake.connections)


@on_virtual_time
async def test_polls_and_reads_take_turns() -> None:
    """One connection at a time, whoever asks."""
    fake = four_batteries()
    link = link_to(fake)
    report, words, _ = await asyncio.gather(
        link.poll(), link.read_registers(48, 5000, 1), link.poll()
    )
    assert report.failed == {}
    assert words == (15,)
    assert len(fake.connections) == 3
    await link.close()


@on_virtual_time
async def test_a_cancelled_poll_leaves_nothing_behind() -> None:
    """Cancelling disconnects, and the next poll works."""
    fake = four_batteries()
    link = link_to(fake)
    poll = asyncio.create_task(link.poll())
    await asyncio.sleep(CONNECT_SECONDS + 0.5)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    assert (await link.poll()).failed == {}
    await link.close()


@pytest.mark.parametrize("after", [0.1, CONNECT_SECONDS + 0.5])
@on_virtual_time
async def test_closing_ends_what_is_going_on(after: float) -> None:
    """Whether connecting or reading, a closed link is quickly at rest, and may be used again."""
    fake = four_batteries()
    link = link_to(fake)
    poll = asyncio.create_task(link.poll())
    await asyncio.sleep(after)
    began = _now()
    await link.close()
    assert _now() - began <= DISCONNECT_SECONDS
    with pytest.raises(LinkUnreachable, match="closed"):
        await poll
    assert all(each.lost.done() for each in fake.connections)
    assert (await link.poll()).failed == {}
    await link.close()


@on_virtual_time
async def test_closing_ends_what_waits_for_its_turn() -> None:
    """A poll that is queued behind another does not begin after the link was closed."""
    fake = four_batteries()
    link = link_to(fake)
    polls = [asyncio.create_task(link.poll()) for _ in range(2)]
    await asyncio.sleep(CONNECT_SECONDS + 0.5)
    await link.close()
    outcomes = await asyncio.gather(*polls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LinkClosed, LinkClosed]
    assert len(fake.connections) == 1


@on_virtual_time
async def test_polls_that_are_left_out() -> None:
    """Readings are held as long as after polls that failed, and nothing is connected."""
    fake = four_batteries()
    link = link_to(fake)
    polled = await link.poll()
    for _ in range(3):
        report = link.skip_poll()
        assert report.readings == polled.readings
        assert set(report.failed.values()) == {ReadingFailure.NOT_POLLED}
        assert not report.polled
        assert report.statistics.requests == 0
    assert link.skip_poll().readings == {}
    assert link.skip_poll().identities == polled.identities
    assert len(fake.connections) == 1
    report = await link.poll()
    assert report.polled
    assert report.failed == {}
    await link.close()


@on_virtual_time
async def test_a_reading_is_held_no_longer_than_five_minutes() -> None:
    """With a long interval time ends what the number of polls does not."""
    link = link_to(four_batteries())
    await link.poll()
    await asyncio.sleep(290)
    assert link.skip_poll().readings
    await asyncio.sleep(15)
    assert not link.skip_poll().readings
    await link.close()


@on_virtual_time
async def test_diagnostics_are_json() -> None:
    """Plans, reply times and counters."""
    fake = four_batteries()
    link = link_to(fake)
    await link.poll()
    unit = json.loads(json.dumps(link.diagnostics()))["units"]["48"]
    assert unit["plan"] == ["5000x53", "5100x10"]
    assert unit["counters"] == {"good": 1}
    assert unit["reply_milliseconds"]["53"] == 298
    await link.close()


@on_virtual_time
async def test_the_stamp_is_in_utc() -> None:
    """Readings are stamped with an aware time."""
    fake = four_batteries()
    link = RenogyLink("BT-TH-FDA1B2C3", UNITS, fake.connector(), family=STANDARD)
    report = await link.poll()
    assert report.readings[48].read_at.utcoffset() == timedelta()
    await link.close()
