# SPDX-License-Identifier: Apache-2.0
"""Notices about links: there when people should act, and gone when it is over."""

import asyncio
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.issues import links as link_issues
from custom_components.renogy_bt.links import signal
from custom_components.renogy_bt.links.rescan import async_rescan
from custom_components.renogy_bt.links.settings import LinkSettings, links_of
from custom_components.renogy_bt.renogy.models import LinkReport
from custom_components.renogy_bt.supervisor.supervisor import async_get_supervisor
from homeassistant.components import bluetooth
from homeassistant.components.repairs import FlowType, repairs_flow_manager
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.banks import (
    bank_entry,
    battery_state,
    link_id,
    link_of,
    link_settings,
    poll_links,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, SCANNER, FakeAir
from tests.fake_supervisor import FakeAdapters, adapter_status, faulty_status
from tests.flows.walk import Flow
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s, wrong_crc
from tests.translation_check import ENGLISH, placeholders, texts_of

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR

UNREACHABLE = f"link_unreachable_{link_id()}"
WEAK_SIGNAL = f"link_weak_signal_{link_id()}"
IDS_CHANGED = f"link_ids_changed_{link_id()}"
IDS_COLLIDE = f"link_ids_collide_{link_id()}"

pytestmark = pytest.mark.usefixtures("translated_flows", "often_asked")


@pytest.fixture
def often_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have long-silent batteries asked with every poll."""
    monkeypatch.setattr("custom_components.renogy_bt.renogy.battery.BACKOFF_SECONDS", 0)


class Clock:
    """The clock that notices go by, moved by hand."""

    def __init__(self, hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin at an odd moment."""
        self._hass = hass
        self._at = 12_345.0
        for module in (link_issues, signal):
            monkeypatch.setattr(module, "monotonic", lambda: self._at)

    async def pass_by(self, seconds: float, every: float = 5 * MINUTE) -> None:
        """Let time pass, with a poll every five minutes."""
        for _ in range(int(seconds / every)):
            self.wait(every)
            for entry in self._hass.config_entries.async_loaded_entries(DOMAIN):
                await poll_links(entry)
            await settle(self._hass)

    def wait(self, seconds: float) -> None:
        """Let time pass before the next poll."""
        self._at += seconds


@pytest.fixture
def clock(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock."""
    return Clock(hass, monkeypatch)


@pytest.fixture
async def entry(hass: HomeAssistant, clock: Clock, link: FakeLink) -> MockConfigEntry:
    """Return the owner's bank, set up."""
    assert await async_setup_component(hass, "repairs", {})
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    return entry


def shown(hass: HomeAssistant) -> set[str]:
    """Return the ids of the notices that are shown."""
    return {
        issue.issue_id
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    }


def issue_of(hass: HomeAssistant, issue_id: str) -> ir.IssueEntry:
    """Return a notice; all that its text needs is given."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_key is not None
    assert issue.translation_placeholders is not None
    # A dialogue adds the way to report.
    added = {"report_url"} if issue.is_fixable else set()
    given = issue.translation_placeholders.keys() | added
    for text in texts_of(ENGLISH["issues"][issue.translation_key]):
        assert placeholders(text) <= given
    return issue


def stored(entry: MockConfigEntry) -> LinkSettings:
    """Return the bank's link."""
    return next(iter(links_of(entry).values()))


# Unreachable


async def test_unreachable_link(
    hass: HomeAssistant, air: FakeAir, entry: MockConfigEntry, clock: Clock
) -> None:
    """After half an hour people are told what to do, with Home Assistant's own explanation."""
    link = air.links.pop(DONGLE)
    air.forget(DONGLE)
    await clock.pass_by(30 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == {UNREACHABLE}
    issue = issue_of(hass, UNREACHABLE)
    assert issue.severity is ir.IssueSeverity.WARNING
    assert not issue.is_fixable
    assert not issue.is_persistent
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["reason"].endswith("hears it.")
    assert issue.translation_placeholders["link"] == "BT-TH-FDA1B2C3"
    await clock.pass_by(HOUR)
    assert issue_of(hass, UNREACHABLE) is issue
    air.bring(link)
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == set()


async def test_missed_polls(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A link that is out of reach now and then is not worth a word."""
    for _ in range(4):
        link.unreachable = "abort-by-local"
        await clock.pass_by(25 * MINUTE)
        link.unreachable = None
        await clock.pass_by(5 * MINUTE)
        assert shown(hass) == set()


async def test_renamed_dongle(
    hass: HomeAssistant,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
    device_registry: dr.DeviceRegistry,
) -> None:
    """A dongle is called as the user calls it."""
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, DONGLE.lower()), entry.entry_id
    )
    assert device is not None
    device_registry.async_update_device(device.id, name_by_user="Boat")
    link.unreachable = "abort-by-local"
    await clock.pass_by(HOUR)
    names = issue_of(hass, UNREACHABLE).translation_placeholders
    assert names is not None
    assert names["link"] == "Boat"


@pytest.mark.parametrize("address", [SCANNER, "00:1A:7D:DA:71:13"])
async def test_adapter_that_is_to_blame(
    hass: HomeAssistant,
    adapters: FakeAdapters,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
    address: str,
) -> None:
    """While the adapter that heard the link has a notice of its own, the link has none."""
    adapters.show(faulty_status(address=address))
    link.unreachable = "abort-by-local"
    await clock.pass_by(2 * HOUR)
    told = {each for each in shown(hass) if each.startswith("link_")}
    assert told == (set() if address == SCANNER else {UNREACHABLE})
    adapters.show(adapter_status(address=address))
    await clock.pass_by(2 * HOUR)
    assert shown(hass) == {UNREACHABLE}
    adapters.show(faulty_status(address=address))
    await clock.pass_by(5 * MINUTE)
    assert (UNREACHABLE in shown(hass)) is (address != SCANNER)


async def test_any_adapter_is_to_blame_for_a_link_that_nobody_heard(
    hass: HomeAssistant,
    air: FakeAir,
    adapters: FakeAdapters,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """Which adapter would hear it cannot be known."""
    adapters.show(faulty_status())
    air.links.clear()
    air.forget(DONGLE)
    await clock.pass_by(2 * HOUR)
    assert UNREACHABLE not in shown(hass)


async def test_bluetooth_that_is_down(
    hass: HomeAssistant,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While Home Assistant has no Bluetooth at all, links are not to blame."""
    monkeypatch.setattr(bluetooth, "async_scanner_count", lambda *_, **__: 0)
    link.unreachable = "abort-by-local"
    await clock.pass_by(2 * HOUR)
    assert shown(hass) == set()


async def test_polling_that_is_switched_off(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A link that is left to the app is not missed."""
    link.unreachable = "abort-by-local"
    await clock.pass_by(HOUR)
    assert shown(hass) == {UNREACHABLE}
    await link_of(entry).async_set_polling(False)
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(2 * HOUR)
    assert shown(hass) == set()


async def test_link_that_is_gone_at_the_start(
    hass: HomeAssistant, air: FakeAir, clock: Clock
) -> None:
    """A bank whose link is lost is set up all the same, and its link watched from then on."""
    link = air.bring(four_batteries())
    link.unreachable = "abort-by-local"
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    await clock.pass_by(25 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == {UNREACHABLE}
    link.unreachable = None
    await clock.pass_by(5 * MINUTE)
    assert battery_state(hass, "voltage").state == "52.4"
    assert shown(hass) == set()


async def test_a_reload_neither_repeats_nor_forgets_a_notice(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A bank that is set up again is neither told of twice nor forgotten."""
    link.unreachable = "abort-by-local"
    await clock.pass_by(HOUR)
    ir.async_ignore_issue(hass, DOMAIN, UNREACHABLE, True)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert shown(hass) == {UNREACHABLE}
    assert issue_of(hass, UNREACHABLE).dismissed_version is not None


@pytest.mark.parametrize("removed", [False, True])
async def test_bank_that_is_gone(
    hass: HomeAssistant,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
    removed: bool,
) -> None:
    """Of the links of a bank that is disabled or removed nothing is said."""
    link.unreachable = "abort-by-local"
    await clock.pass_by(HOUR)
    assert shown(hass) == {UNREACHABLE}
    if removed:
        await hass.config_entries.async_remove(entry.entry_id)
    else:
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
    await settle(hass)
    assert shown(hass) == set()


# Ids


async def repair(hass: HomeAssistant, issue_id: str) -> Flow:
    """Open the dialogue of a notice."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await Flow(hass, manager).begin(DOMAIN, "user", issue_id=issue_id)


async def rescan(hass: HomeAssistant, flow: Flow) -> Flow:
    """Go on from the notice to looking for batteries."""
    await flow.submit()
    flow.expect_abort("rescan")
    kind, flow_id = flow.step["next_flow"]
    assert kind is FlowType.CONFIG_SUBENTRIES_FLOW
    following = Flow(hass, hass.config_entries.subentries)
    await following.take_up(flow_id)
    following.expect_form("rescan")
    return await following.submit()


async def test_changed_id(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """Cables were replugged: what answers is shown, and stored when the user says so."""
    link.units[247] = link.units.pop(50)
    await clock.pass_by(15 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == {IDS_CHANGED}
    issue = issue_of(hass, IDS_CHANGED)
    assert issue.is_fixable
    flow = await repair(hass, IDS_CHANGED)
    told = flow.expect_form("rescan")
    assert (told["silent"], told["others"]) == ("50", "247")
    following = await rescan(hass, flow)
    assert following.expect_form("rescanned_silent")["news"] == "New at position: 247"
    assert stored(entry).units == (48, 49, 50, 51)
    assert shown(hass) == {IDS_CHANGED}
    await following.submit(forget=["50"])
    following.expect_abort("reconfigure_successful")
    assert stored(entry).units == (48, 49, 51, 247)
    assert shown(hass) == set()
    assert battery_state(hass, "voltage", 247).state == "52.4"


async def test_values_do_not_suffer_from_the_probe(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """While others are looked for, the batteries that answer are there all the time."""
    link.units.pop(50)
    for _ in range(10):
        await clock.pass_by(5 * MINUTE)
        assert battery_state(hass, "voltage", 48).state == "52.4"
    assert {asked.unit for asked in link.asked} >= {52, 247}


def probe_under_way() -> asyncio.Task[Any]:
    """Return the probe that is going on."""
    (probe,) = (
        task
        for task in asyncio.all_tasks()
        if task.get_name().startswith(f"{DOMAIN} probe of")
    )
    return probe


async def test_poll_waits_for_a_probe(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A poll that is due meanwhile comes after it, and does not fail."""
    link.units.pop(50)
    await clock.pass_by(15 * MINUTE)
    clock.wait(5 * MINUTE)
    coordinator = link_of(entry)
    await coordinator.async_refresh()
    probe = probe_under_way()
    await coordinator.async_refresh()
    assert probe.done()
    assert coordinator.error is None
    assert coordinator.failed.keys() == {50}
    await settle(hass)


async def test_link_that_is_paused_before_its_probe(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A probe that an adapter's repair holds off does not take the link from the app."""
    link.units.pop(50)
    await clock.pass_by(15 * MINUTE)
    gate = async_get_supervisor(hass).gate
    clock.wait(5 * MINUTE)
    client = link_of(entry).client
    poll = client.poll

    async def poll_then_hold() -> LinkReport:
        report = await poll()
        await gate.async_hold(SCANNER)
        return report

    with patch.object(client, "poll", poll_then_hold):
        await link_of(entry).async_refresh()
    probe = probe_under_way()
    connections = len(link.connections)
    await link_of(entry).async_set_polling(False)
    gate.async_release()
    await settle(hass)
    assert probe.done()
    assert len(link.connections) == connections


async def test_unload_during_a_probe(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A bank that is unloaded leaves nothing connected."""
    link.units.pop(50)
    await clock.pass_by(15 * MINUTE)
    clock.wait(5 * MINUTE)
    await link_of(entry).async_refresh()
    probe = probe_under_way()
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert probe.done()
    await settle(hass)
    assert all(transport.lost.done() for transport in link.connections)


async def test_pause_during_a_probe(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A link that is left to the phone app is not probed either, and is disconnected."""
    link.units.pop(50)
    await clock.pass_by(15 * MINUTE)
    clock.wait(5 * MINUTE)
    await link_of(entry).async_refresh()
    probe = probe_under_way()
    polls = len(link.connections)
    while len(link.connections) == polls:
        await asyncio.sleep(0)
    assert not probe.done()
    await link_of(entry).async_set_polling(False)
    assert all(transport.lost.done() for transport in link.connections)
    await settle(hass)
    assert probe.done()
    connections = len(link.connections)
    await clock.pass_by(60 * MINUTE)
    assert len(link.connections) == connections


async def test_probe_that_fails(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """Where nothing answers but the connection, there is nothing to tell."""
    away = dict(link.units)
    link.units.clear()
    await clock.pass_by(HOUR)
    assert shown(hass) == set()
    link.units.update(away)
    await clock.pass_by(5 * MINUTE)
    assert battery_state(hass, "voltage", 50).state == "52.4"


async def test_battery_that_is_away(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A battery that is switched off for a week, and back, is nothing to tell."""
    away = link.units.pop(50)
    await clock.pass_by(7 * 24 * HOUR, every=6 * HOUR)
    assert shown(hass) == set()
    link.units[50] = away
    await clock.pass_by(HOUR)
    assert shown(hass) == set()
    assert battery_state(hass, "voltage", 50).state == "52.4"


async def test_ids_that_changed_while_home_assistant_was_down(
    hass: HomeAssistant, air: FakeAir, clock: Clock
) -> None:
    """Of a bank none of whose ids answers any more nothing is shown, and people are told why."""
    assert await async_setup_component(hass, "repairs", {})
    link = air.bring(FakeLink({51: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    await clock.pass_by(10 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(5 * MINUTE)
    assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
    assert shown(hass) == {IDS_CHANGED}
    assert 51 in {asked.unit for asked in link.asked}


async def test_two_batteries_with_one_id(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """Garbled answers of one id are told, and over when its answers can be read."""
    link.faults[49, "5000x53"] = [wrong_crc] * 100
    link.faults[49, "5000x1"] = [wrong_crc] * 100
    await clock.pass_by(15 * MINUTE)
    assert shown(hass) == set()
    await clock.pass_by(15 * MINUTE)
    assert shown(hass) == {IDS_COLLIDE}
    flow = await repair(hass, IDS_COLLIDE)
    assert flow.expect_form("rescan")["others"] == "49"
    link.faults.clear()
    following = await rescan(hass, flow)
    following.expect_form("rescanned")
    await following.submit()
    following.expect_abort("nothing_changed")
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == set()


async def take_turns(link: FakeLink, clock: Clock) -> None:
    """Have two batteries answer for one id by turns."""
    mine = link.units[49]
    other = rbt50lfp48s(serial="OTHER-PACK-00001", cycles=400)
    for _ in range(3):
        link.units[49] = other
        await clock.pass_by(5 * MINUTE)
        link.units[49] = mine
        await clock.pass_by(5 * MINUTE)


@pytest.fixture
async def colliding(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """Have it told that two batteries answer for one id by turns."""
    await take_turns(link, clock)
    assert IDS_COLLIDE in shown(hass)


@pytest.mark.usefixtures("colliding")
async def test_dialogue_ends_the_notice_of_equal_ids(
    hass: HomeAssistant, link: FakeLink, clock: Clock
) -> None:
    """Who has seen to the cables is rid of the notice, and told again if that has not helped."""
    following = await rescan(hass, await repair(hass, IDS_COLLIDE))
    following.expect_form("rescanned")
    assert IDS_COLLIDE in shown(hass)
    await following.submit()
    following.expect_abort("nothing_changed")
    await settle(hass)
    assert IDS_COLLIDE not in shown(hass)
    await clock.pass_by(15 * MINUTE)
    assert IDS_COLLIDE not in shown(hass)
    await take_turns(link, clock)
    assert IDS_COLLIDE in shown(hass)


@pytest.mark.usefixtures("colliding")
async def test_action_ends_the_notice_of_equal_ids(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Looking for batteries by the action is the same."""
    (subentry_id,) = entry.subentries
    await async_rescan(hass, entry, subentry_id)
    await settle(hass)
    assert IDS_COLLIDE not in shown(hass)


@pytest.mark.usefixtures("colliding")
async def test_rescan_without_the_battery_ends_nothing(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry
) -> None:
    """An id that does not answer when batteries are looked for is not in order."""
    del link.units[49]
    (subentry_id,) = entry.subentries
    await async_rescan(hass, entry, subentry_id)
    await settle(hass)
    assert IDS_COLLIDE in shown(hass)


async def test_dialogue_of_what_is_over(
    hass: HomeAssistant, link: FakeLink, entry: MockConfigEntry, clock: Clock
) -> None:
    """A dialogue that has outlived its notice says so."""
    link.units[247] = link.units.pop(50)
    await clock.pass_by(20 * MINUTE)
    flow = await repair(hass, IDS_CHANGED)
    link.units[50] = link.units.pop(247)
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == set()
    (await flow.submit()).expect_abort("over")


# Too weak


def weak_state(hass: HomeAssistant) -> str:
    """Return the state of the link's own entity."""
    state = hass.states.get("binary_sensor.bt_th_fda1b2c3_signal_too_weak")
    assert state is not None
    return state.state


async def test_weak_signal(
    hass: HomeAssistant,
    air: FakeAir,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """A link that is heard and too weak to be read says so, and what to do."""
    air.advertise(rssi=-88)
    link.unreachable = "abort-by-local"
    await clock.pass_by(25 * MINUTE)
    assert shown(hass) == set()
    assert weak_state(hass) == "off"
    await clock.pass_by(10 * MINUTE)
    assert shown(hass) == {WEAK_SIGNAL}
    assert weak_state(hass) == "on"
    issue = issue_of(hass, WEAK_SIGNAL)
    assert not issue.is_fixable
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["strength"] == "-88 dBm"
    await clock.pass_by(DAY)
    assert issue_of(hass, WEAK_SIGNAL) is issue


async def test_weak_signal_that_is_read_now_and_then(
    hass: HomeAssistant,
    air: FakeAir,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """A poll that succeeds now and then does not take the notice away."""
    air.advertise(rssi=-88)
    link.unreachable = "abort-by-local"
    await clock.pass_by(40 * MINUTE)
    for _ in range(10):
        link.unreachable = None
        await clock.pass_by(5 * MINUTE)
        assert shown(hass) == {WEAK_SIGNAL}
        link.unreachable = "abort-by-local"
        await clock.pass_by(25 * MINUTE)
        assert shown(hass) == {WEAK_SIGNAL}


async def test_weak_signal_outlives_a_reload(
    hass: HomeAssistant,
    air: FakeAir,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """What was seen of a link does not begin anew with its bank."""
    air.advertise(rssi=-88)
    link.unreachable = "abort-by-local"
    for _ in range(3):
        await clock.pass_by(15 * MINUTE)
        await hass.config_entries.async_reload(entry.entry_id)
        await settle(hass)
        air.advertise(rssi=-88)
    await clock.pass_by(5 * MINUTE)
    assert shown(hass) == {WEAK_SIGNAL}


async def test_unreachable_although_heard_well(
    hass: HomeAssistant,
    air: FakeAir,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """A good signal is not the reason."""
    air.advertise(rssi=-60)
    link.unreachable = "abort-by-local"
    await clock.pass_by(5 * HOUR)
    assert shown(hass) == {UNREACHABLE}
    assert weak_state(hass) == "off"


async def test_signal_is_not_weak_while_polling_is_off(
    hass: HomeAssistant,
    air: FakeAir,
    link: FakeLink,
    entry: MockConfigEntry,
    clock: Clock,
) -> None:
    """Who does not poll a link has no trouble with it."""
    air.advertise(rssi=-88)
    link.unreachable = "abort-by-local"
    await clock.pass_by(40 * MINUTE)
    await link_of(entry).async_set_polling(False)
    await settle(hass)
    assert shown(hass) == set()
    assert weak_state(hass) == "off"
