# SPDX-License-Identifier: Apache-2.0
"""Polling a bank: partial polls, silence, and the return of what was lost."""

import asyncio
from collections.abc import Callable

from bleak.backends.device import BLEDevice
import pytest

from custom_components.renogy_bt.renogy.models import ReadingFailure
from custom_components.renogy_bt.renogy.transport import Transport
from custom_components.renogy_bt.supervisor.supervisor import (
    Supervisor,
    async_get_supervisor,
)
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, PATIENCE, SCANNER, FakeAir, lost_at
from tests.insides import records_of
from tests.renogy.fake_link import (
    Delivery,
    FakeLink,
    FakeTransport,
    all_ones,
    four_batteries,
    rbt50lfp48s,
)

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
RETRIES = "custom_components.renogy_bt.links.retries"


@pytest.mark.usefixtures("all_enabled")
async def test_silent_battery_does_not_take_the_others_along(
    hass: HomeAssistant,
    air: FakeAir,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One silent battery is unavailable, the others and the bank's means stay; it is logged once."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    silent = link.units.pop(49)
    for _ in range(3):
        await next_poll(hass)
    assert battery_state(hass, "voltage", 49).state == STATE_UNAVAILABLE
    assert (
        battery_state(hass, "charging", 49, platform="binary_sensor").state
        == STATE_UNAVAILABLE
    )
    for unit in (48, 50, 51):
        assert battery_state(hass, "voltage", unit).state == "52.4"
    assert bank_state(hass, entry, "batteries_responding").state == "3"
    assert bank_state(hass, entry, "voltage").state == "52.4"
    assert bank_state(hass, entry, "current").state == STATE_UNKNOWN
    assert bank_state(hass, entry, "remaining_capacity").state == STATE_UNKNOWN
    assert caplog.text.count("RBT50LFP48S 2 does not answer (silent)") == 1

    link.units[49] = silent
    monkeypatch.setattr(
        "custom_components.renogy_bt.renogy.battery.BACKOFF_SECONDS", 0.0
    )
    await next_poll(hass)
    await next_poll(hass)
    assert battery_state(hass, "voltage", 49).state == "52.4"
    assert bank_state(hass, entry, "current").state == "0.0"
    assert caplog.text.count("RBT50LFP48S 2 answers again") == 1
    assert caplog.text.count("does not answer") == 1


@pytest.mark.usefixtures("all_enabled")
async def test_unbelievable_values_are_held_off(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """While a battery sends nonsense its last reading is held, then it is unavailable."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    read_at = battery_state(hass, "last_read").state
    link.always = [all_ones]
    for _ in range(3):
        await next_poll(hass)
        assert battery_state(hass, "voltage").state == "52.4"
        assert battery_state(hass, "last_read").state == read_at
    report = link_of(entry).data
    assert report.failed[48] is ReadingFailure.INVALID
    assert 48 in report.readings
    assert bank_of(entry).data.fresh == frozenset()
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    link.always.clear()
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == "52.4"


async def test_bank_whose_only_link_fails(
    hass: HomeAssistant, air: FakeAir, caplog: pytest.LogCaptureFixture
) -> None:
    """When no link can be reached everything is unavailable, logged once each way."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = "le-connection-abort-by-local"
    for _ in range(3):
        await next_poll(hass)
    assert not link_of(entry).last_update_success
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert bank_state(hass, entry, "voltage").state == STATE_UNAVAILABLE
    failed = "Error fetching Battery bank: BT-TH-FDA1B2C3 data"
    assert caplog.text.count(failed) == 1
    assert "No battery can be read: le-connection-abort-by-local" in caplog.text
    assert "does not answer" not in caplog.text
    link.unreachable = None
    await next_poll(hass, 121)
    assert battery_state(hass, "voltage").state == "52.4"
    assert (
        caplog.text.count("Fetching Battery bank: BT-TH-FDA1B2C3 data recovered") == 1
    )
    assert caplog.text.count(failed) == 1


async def test_dongle_that_answers_nothing(hass: HomeAssistant, air: FakeAir) -> None:
    """A dongle that connects, but behind which nothing answers, fails as a link."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.wedged = True
    await next_poll(hass)
    coordinator = link_of(entry)
    assert not coordinator.last_update_success
    assert "no battery answers" in str(coordinator.last_exception)


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [
        pytest.param("unreachable", ReadingFailure.LINK_LOST, id="unreachable"),
        pytest.param("wedged", ReadingFailure.SILENT, id="silent"),
    ],
)
async def test_one_of_two_links_fails(
    hass: HomeAssistant, air: FakeAir, trouble: str, failure: ReadingFailure
) -> None:
    """Batteries behind one link stay available while another link fails."""
    air.bring(four_batteries())
    other = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    setattr(other, trouble, "abort-by-local")
    await next_poll(hass)
    assert link_of(entry).last_update_success
    assert not link_of(entry, OTHER).last_update_success
    assert link_of(entry, OTHER).failed == {48: failure}
    assert battery_state(hass, "voltage").state == "52.4"
    assert battery_state(hass, "voltage", 48, OTHER).state == STATE_UNAVAILABLE


async def test_link_lost_in_the_middle_of_a_poll(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What was read before the link was lost is kept; what was not is told apart."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.always = [lost_at(50)]
    await next_poll(hass)
    failed = link_of(entry).data.failed
    assert failed == dict.fromkeys((50, 51), ReadingFailure.LINK_LOST)
    assert battery_state(hass, "voltage", 48).state == "52.4"


async def test_connecting_takes_turns(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two links are connected one after the other, but read at the same time."""
    first = air.bring(four_batteries())
    second = air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    connecting = 0
    together = 0
    open_at_once = 0

    async def connect(device: object, name: str) -> object:
        nonlocal connecting, together, open_at_once
        connecting += 1
        together = max(together, connecting)
        await asyncio.sleep(PATIENCE)
        transport = await air.connect(device, name)  # type: ignore[arg-type]
        connecting -= 1
        is_open = [
            connection
            for link in (first, second)
            for connection in link.connections
            if not connection.lost.done()
        ]
        open_at_once = max(open_at_once, len(is_open))
        return transport

    monkeypatch.setattr("custom_components.renogy_bt.links.connection.connect", connect)
    monkeypatch.setattr("tests.renogy.fake_link.FIXED_SECONDS", PATIENCE / 2)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    assert together == 1
    assert open_at_once == 2


async def test_values_do_not_wait_for_the_disconnect(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading is published while the connection is still being taken down."""
    released = asyncio.Event()

    async def slow(self: FakeTransport) -> None:
        await released.wait()
        self.drop()

    link = air.bring(four_batteries())
    monkeypatch.setattr(FakeTransport, "disconnect", slow)
    entry = bank_entry(link_settings())
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    while battery_state(hass, "voltage").state != "52.4":
        await asyncio.sleep(0)
    assert not link.connections[0].lost.done()
    released.set()
    await settle(hass)
    assert link.connections[0].lost.done()


@pytest.mark.usefixtures("all_enabled")
async def test_link_quality(hass: HomeAssistant, air: FakeAir) -> None:
    """The link quality is the share of polls that brought fresh values."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert battery_state(hass, "link_quality").state == "100"
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    link.unreachable = None
    await next_poll(hass)
    await next_poll(hass)
    assert battery_state(hass, "link_quality").state == "75"
    for _ in range(97):
        await next_poll(hass)
    assert battery_state(hass, "link_quality").state == "99"
    await next_poll(hass)
    assert battery_state(hass, "link_quality").state == "100"


def _lose(link: FakeLink) -> None:
    link.unreachable = "not in range"


def _lose_in_the_middle(link: FakeLink) -> None:
    link.always = [lost_at(48)]


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(_lose, id="unreachable"),
        pytest.param(_lose_in_the_middle, id="lost while reading"),
    ],
)
async def test_link_that_is_back_is_polled_at_once(
    hass: HomeAssistant,
    air: FakeAir,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[FakeLink], None],
) -> None:
    """The first advertisement of a lost link brings a poll, long before the next one is due."""
    monkeypatch.setattr(f"{RETRIES}.HEARD_RETRY_SECONDS", 0.0)
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    lose(link)
    await next_poll(hass)
    link.unreachable = None
    link.always = []
    air.advertise()
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    assert link_of(entry).last_update_success


async def test_advertisements_of_a_good_link_mean_nothing(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that is polled well is not polled more often because it advertises."""
    monkeypatch.setattr(f"{RETRIES}.HEARD_RETRY_SECONDS", 0.0)
    link = air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    for _ in range(10):
        air.advertise()
    await settle(hass)
    assert len(link.connections) == 1


async def test_silent_dongle_is_not_hunted(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dongle that connects but gives no answer is asked less and less often when heard."""
    monkeypatch.setattr(f"{RETRIES}.HEARD_RETRY_SECONDS", 0.01)
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.wedged = True
    await next_poll(hass)
    for _ in range(4):
        link_of(entry).retries.heard_from = 0.0
        for _ in range(10):
            air.advertise()
        await settle(hass)
    assert len(link.connections) == 2 + 4
    assert link_of(entry).retries.heard_from is not None


async def test_silent_dongle_that_answers_again(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hung and takes connections all the while is read again long before the next poll."""
    monkeypatch.setattr(f"{RETRIES}.HEARD_RETRY_SECONDS", 0.0)
    link = air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    link.wedged = True
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    link.wedged = False
    air.advertise()
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"


async def test_another_battery_at_a_unit(
    hass: HomeAssistant, air: FakeAir, caplog: pytest.LogCaptureFixture
) -> None:
    """Another battery at a known unit is logged, and what the old one told is dropped."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    swapped = rbt50lfp48s(serial="99XXX99990000000", cycles=3)
    link.units[48] = swapped
    await next_poll(hass)
    assert "Another battery" not in caplog.text
    await next_poll(hass)
    assert (
        caplog.text.count("Another battery than before answers as RBT50LFP48S 1") == 1
    )
    await next_poll(hass)
    identity = link_of(entry).data.identities[48]
    assert identity.serial_number == "99XXX99990000000"
    assert caplog.text.count("Another battery than before") == 1


# While an adapter is being repaired


@pytest.fixture
def supervisor(
    hass: HomeAssistant, idle_supervisor: None, monkeypatch: pytest.MonkeyPatch
) -> Supervisor:
    """Return the supervisor, whose steps do not wait for polls to end."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.supervisor.poll_gate.POLLS_LIMIT", 0.0
    )
    return async_get_supervisor(hass)


def repair_while_connecting(
    air: FakeAir,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
    *,
    times: int,
) -> None:
    """Have a recovery step pass during the next connects, which end by nothing else."""
    attempts = 0

    async def connect(device: BLEDevice, name: str) -> Transport:
        nonlocal attempts
        attempts += 1
        if attempts > times:
            return await air.connect(device, name)
        await supervisor.gate.async_hold(SCANNER)
        supervisor.gate.async_release()
        try:
            await asyncio.Event().wait()
        finally:
            air.attempts.append("broken off")
        raise AssertionError

    monkeypatch.setattr("custom_components.renogy_bt.links.connection.connect", connect)


def ask_for_polls(supervisor: Supervisor) -> None:
    """Have everybody polled who listens, as after a repair."""
    supervisor.gate.async_poll_now()


async def test_polls_are_held_off_during_a_repair(
    hass: HomeAssistant, air: FakeAir, supervisor: Supervisor
) -> None:
    """No link is connected to while a recovery step runs; the poll takes place after it."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await supervisor.gate.async_hold(SCANNER)
    poll = hass.async_create_task(link_of(entry).async_refresh())
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(link.connections) == 1
    assert not poll.done()
    supervisor.gate.async_release()
    await poll
    assert len(link.connections) == 2
    assert battery_state(hass, "voltage").state == "52.4"


async def test_unload_while_held_off(
    hass: HomeAssistant, air: FakeAir, supervisor: Supervisor
) -> None:
    """A bank can be unloaded although its poll is being held off."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    await supervisor.gate.async_hold(SCANNER)
    poll = hass.async_create_task(link_of(entry).async_refresh())
    await asyncio.sleep(0)
    assert await hass.config_entries.async_unload(entry.entry_id)
    await poll
    assert len(link.connections) == 1
    assert not records_of(supervisor).in_use


@pytest.mark.usefixtures("all_enabled")
async def test_excused_poll_is_made_up_for(
    hass: HomeAssistant,
    air: FakeAir,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A poll that a recovery step breaks off is made again, and nobody notices."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    repair_while_connecting(air, supervisor, monkeypatch, times=1)
    await next_poll(hass)
    assert air.attempts == [DONGLE, "broken off", DONGLE]
    assert battery_state(hass, "voltage").state == "52.4"
    assert battery_state(hass, "link_quality").state == "100"
    assert link_of(entry).error is None


async def test_excuse_is_good_for_one_more_poll(
    hass: HomeAssistant,
    air: FakeAir,
    supervisor: Supervisor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A link that fails in spite of its second try has failed, however long the repair lasts."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    repair_while_connecting(air, supervisor, monkeypatch, times=2)
    await next_poll(hass)
    assert air.attempts == [DONGLE, "broken off", "broken off"]
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == "52.4"


async def test_connected_link_is_read_to_its_end(
    hass: HomeAssistant, air: FakeAir, supervisor: Supervisor
) -> None:
    """A poll that is reading when a recovery step begins is neither broken off nor repeated."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    steps: list[asyncio.Task[None]] = []

    def begin_step(delivery: Delivery) -> Delivery:
        if not steps:
            hold = supervisor.gate.async_hold(SCANNER)
            steps.append(hass.async_create_task(hold))
        return delivery

    link.always = [begin_step]
    await link_of(entry).async_refresh()
    assert steps
    assert steps[0].done()
    supervisor.gate.async_release()
    await settle(hass)
    assert air.attempts == [DONGLE, DONGLE]
    assert link_of(entry).data.failed == {}
    assert len(bank_of(entry).data.fresh) == 4


async def test_lost_link_is_not_connected_to_again_in_the_middle_of_a_step(
    hass: HomeAssistant, air: FakeAir, supervisor: Supervisor
) -> None:
    """A poll whose connection a step ends goes on after the step, over another connection."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.hangs_on_write = True
    poll = hass.async_create_task(link_of(entry).async_refresh())
    while len(link.connections) < 2:
        await asyncio.sleep(0)
    await supervisor.gate.async_hold(SCANNER)
    link.connections[1].drop()
    for _ in range(20):
        await asyncio.sleep(0)
    assert air.attempts == [DONGLE, DONGLE]
    assert not poll.done()
    link.hangs_on_write = False
    supervisor.gate.async_release()
    await poll
    assert air.attempts == [DONGLE, DONGLE, DONGLE]
    assert battery_state(hass, "voltage").state == "52.4"


async def test_failure_without_a_repair_is_not_excused(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A poll that fails for its own reasons is not repeated."""
    link = air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    assert air.attempts == [DONGLE, DONGLE]


async def test_recovered_adapter_is_polled_through_at_once(
    hass: HomeAssistant, air: FakeAir, supervisor: Supervisor
) -> None:
    """When the supervisor says so a bank is polled, as long as it is loaded."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.unreachable = "abort-by-local"
    await next_poll(hass)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    link.unreachable = None
    ask_for_polls(supervisor)
    await settle(hass)
    assert battery_state(hass, "voltage").state == "52.4"
    attempts = len(air.attempts)
    assert await hass.config_entries.async_unload(entry.entry_id)
    ask_for_polls(supervisor)
    await settle(hass)
    assert len(air.attempts) == attempts


@pytest.mark.parametrize(
    ("trouble", "failures"),
    [
        pytest.param(None, 0, id="good"),
        pytest.param("wedged", 0, id="silent"),
        pytest.param("unreachable", 1, id="unreachable"),
    ],
)
async def test_supervisor_hears_of_every_poll(
    hass: HomeAssistant,
    air: FakeAir,
    supervisor: Supervisor,
    trouble: str | None,
    failures: int,
) -> None:
    """Only a link that could not be connected to speaks against the adapter."""
    link = air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    if trouble is not None:
        setattr(link, trouble, "abort-by-local")
    await next_poll(hass)
    (sample,) = records_of(supervisor).samples("", hass.loop.time(), ())
    assert sample.address == DONGLE
    assert sample.polled
    assert sample.failures == failures
    assert not records_of(supervisor).in_use
