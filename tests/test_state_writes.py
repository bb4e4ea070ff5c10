# SPDX-License-Identifier: Apache-2.0
"""What a poll reports to Home Assistant: all of its own link, once, whether or not it changed.

Home Assistant's helpers live on reports of unchanged states too: without them an Integral takes
a constant power for one that nobody has measured.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt import coordinator
from custom_components.renogy_bt.links.retries import RETRY_SECONDS
from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import LinkReport, PollStatistics
from custom_components.renogy_bt.sensor import (
    CAPACITY_HEALTH,
    CURRENT_SHARE,
    FULL_CHARGE,
    HISTORY_SENSORS,
)
from custom_components.renogy_bt.storage.energy import EnergyStore
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
    UnitOfElectricPotential,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_of,
    link_settings,
    link_state,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

TOLD_BY_THE_BANK = [
    *(each.key for each in HISTORY_SENSORS),
    *(each.key for each in FULL_CHARGE),
    CAPACITY_HEALTH.key,
    CURRENT_SHARE.key,
]
"""What the batteries show when the bank has added up."""

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
LINKS = 16

type Poll = Callable[[HomeAssistant, MockConfigEntry], Awaitable[None]]


@contextmanager
def reports(hass: HomeAssistant) -> Generator[Counter[str]]:
    """Count the reports of each entity, those whose state stays the same too."""
    reported: Counter[str] = Counter()

    @callback
    def note(event: Event[Any]) -> None:
        reported[event.data["entity_id"]] += 1

    stops = [
        hass.bus.async_listen(kind, note, event_filter=callback(lambda _: True))
        for kind in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED)
    ]
    yield reported
    for stop in stops:
        stop()


@contextmanager
def changes(hass: HomeAssistant) -> Generator[Counter[str]]:
    """Count the changes of each entity, in state or attributes."""
    changed: Counter[str] = Counter()

    @callback
    def note(event: Event[Any]) -> None:
        changed[event.data["entity_id"]] += 1

    stop = hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    yield changed
    stop()


def ids_of(
    hass: HomeAssistant, entry: MockConfigEntry, address: str | None
) -> set[str]:
    """Return the enabled entities of a link and its batteries, or those that the bank tells.

    The alarm event is not among them: it is there for what happens, not for what is.
    """
    subentry_id = None if address is None else link_of(entry, address).subentry_id
    of_bank = f"_({'|'.join(TOLD_BY_THE_BANK)})$"
    return {
        each.entity_id
        for each in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
        if subentry_id
        == (None if re.search(of_bank, each.unique_id) else each.config_subentry_id)
        and each.disabled_by is None
        and each.domain != "event"
    }


def once(entity_ids: set[str]) -> Counter[str]:
    """Return one report of each of these."""
    return Counter(entity_ids)


async def by_its_interval(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Let the interval of all links pass, and the pause of those that failed three times."""
    await next_poll(hass, 4 * RETRY_SECONDS + 1)


async def by_request(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Poll all links out of turn, as after an adapter has recovered."""
    for link in entry.runtime_data.links.values():
        link.async_poll_now()
    await settle(hass)


BOTH_ROADS = pytest.mark.parametrize("poll", [by_its_interval, by_request])


@pytest.fixture(autouse=True)
def poll_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every poll take as long as any other, as far as is told."""
    monkeypatch.setattr(RenogyLink, "_count", lambda *_: PollStatistics(seconds=2.0))


@pytest.fixture(autouse=True)
def later_polls(
    freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have every poll begin in a second of its own: times are told in whole seconds."""
    poll = RenogyLink.poll

    async def poll_later(self: RenogyLink, *, brief: bool = False) -> LinkReport:
        freezer.tick(1)
        return await poll(self, brief=brief)

    monkeypatch.setattr(RenogyLink, "poll", poll_later)


@pytest.fixture(autouse=True)
def quiet_signal_strength(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the signal strength to the polls: it is looked at between them as well."""
    monkeypatch.setattr(
        "custom_components.renogy_bt.sensor.async_track_time_interval",
        lambda *_: lambda: None,
    )


async def two_links(hass: HomeAssistant, air: FakeAir) -> MockConfigEntry:
    """Return a bank of four batteries on one link and one on another."""
    air.bring(four_batteries())
    air.bring(FakeLink({48: rbt50lfp48s()}), OTHER, OTHER_NAME)
    entry = bank_entry(link_settings(), link_settings(OTHER, OTHER_NAME, (48,)))
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "5"
    return entry


@BOTH_ROADS
@pytest.mark.usefixtures("all_enabled")
async def test_nothing_has_changed(
    hass: HomeAssistant, air: FakeAir, freezer: FrozenDateTimeFactory, poll: Poll
) -> None:
    """Of a bank at rest everything is reported, and only the time of the reading has changed."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    before = battery_state(hass, "voltage").last_reported
    freezer.tick(1)
    with reports(hass) as reported, changes(hass) as changed:
        await poll(hass, entry)
    everything = ids_of(hass, entry, DONGLE) | ids_of(hass, entry, None)
    assert len(everything) > 280
    assert reported == once(everything)
    assert changed == once(
        {battery_state(hass, "last_read", unit).entity_id for unit in (48, 49, 50, 51)}
        | {link_state(hass, "last_successful_poll").entity_id}
    )
    after = battery_state(hass, "voltage")
    assert after.last_changed <= before < after.last_reported


@BOTH_ROADS
@pytest.mark.usefixtures("all_enabled")
async def test_one_battery_has_changed(
    hass: HomeAssistant, air: FakeAir, poll: Poll
) -> None:
    """What a current changes is reported once, as everything else is, of battery and bank."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.units[49].put(5042, [500])
    with reports(hass) as reported, changes(hass) as changed:
        await poll(hass, entry)
    assert reported == once(ids_of(hass, entry, DONGLE) | ids_of(hass, entry, None))
    assert {
        *(
            battery_state(hass, key, 49).entity_id
            for key in ("current", "power", "charging_state")
        ),
        battery_state(hass, "charging", 49, platform="binary_sensor").entity_id,
        *(bank_state(hass, entry, key).entity_id for key in ("current", "power")),
    } <= changed.keys()
    assert battery_state(hass, "voltage", 49).entity_id not in changed
    assert battery_state(hass, "current", 49).state == "5.0"


async def test_poll_of_one_of_two_links(hass: HomeAssistant, air: FakeAir) -> None:
    """A link's poll reports its own entities and the bank's, and nothing of another link."""
    entry = await two_links(hass, air)
    for polled in (OTHER, DONGLE):
        with reports(hass) as reported:
            await link_of(entry, polled).async_refresh()
            await settle(hass)
        assert reported == once(ids_of(hass, entry, polled) | ids_of(hass, entry, None))


@BOTH_ROADS
async def test_one_of_two_links_is_lost(
    hass: HomeAssistant, air: FakeAir, poll: Poll
) -> None:
    """A link that fails, and fails again, is reported as such; the other one as ever."""
    entry = await two_links(hass, air)
    air.links[DONGLE].unreachable = "not in range"
    for first in (True, False):
        with reports(hass) as reported, changes(hass) as changed:
            await poll(hass, entry)
        for address in (DONGLE, OTHER):
            of_link = ids_of(hass, entry, address)
            assert {each: reported[each] for each in of_link} == once(of_link)
        assert (battery_state(hass, "voltage").entity_id in changed) is first
        assert battery_state(hass, "voltage", 48, OTHER).entity_id not in changed
        assert battery_state(hass, "voltage").state == STATE_UNAVAILABLE
        assert battery_state(hass, "voltage", 48, OTHER).state == "52.4"


@BOTH_ROADS
@pytest.mark.usefixtures("all_enabled")
async def test_availability_changes_once_each_way(
    hass: HomeAssistant, air: FakeAir, poll: Poll
) -> None:
    """Every poll reports that a battery stays away, which changes once, as its return does."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    voltage = battery_state(hass, "voltage").entity_id
    link.unreachable = "not in range"
    with reports(hass) as reported, changes(hass) as changed:
        for _ in range(3):
            await poll(hass, entry)
    assert (reported[voltage], changed[voltage]) == (3, 1)
    assert hass.states.get(voltage).state == STATE_UNAVAILABLE  # type: ignore[union-attr]
    link.unreachable = None
    with reports(hass) as reported, changes(hass) as changed:
        await poll(hass, entry)
    assert reported == once(ids_of(hass, entry, DONGLE) | ids_of(hass, entry, None))
    assert changed[voltage] == 1
    assert hass.states.get(voltage).state == "52.4"  # type: ignore[union-attr]


@pytest.mark.parametrize("poll", [by_request])
@pytest.mark.usefixtures("all_enabled")
async def test_held_values_are_not_reported_anew(
    hass: HomeAssistant, air: FakeAir, poll: Poll
) -> None:
    """What failed polls leave as it is keeps its age; the share of good polls is reported."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings(), failed_polls=10)
    await set_up(hass, entry)
    link.unreachable = "not in range"
    with reports(hass) as reported:
        await poll(hass, entry)
    assert battery_state(hass, "voltage").state == "52.4"
    assert reported[battery_state(hass, "link_quality").entity_id] == 1
    for key in ("voltage", "current", "cell_voltage_1", "cycles", "alarms"):
        assert reported[battery_state(hass, key).entity_id] == 0, key
    link.unreachable = None
    with reports(hass) as reported:
        await poll(hass, entry)
    assert reported == once(ids_of(hass, entry, DONGLE) | ids_of(hass, entry, None))


async def test_link_that_is_not_polled(hass: HomeAssistant, air: FakeAir) -> None:
    """A switch that is turned off is reported at once, with what is left of its link."""
    entry = await two_links(hass, air)
    with reports(hass) as reported:
        await link_of(entry).async_set_polling(False)
        await settle(hass)
    assert reported == once(ids_of(hass, entry, DONGLE) | ids_of(hass, entry, None))


async def test_attributes_count(hass: HomeAssistant, air: FakeAir) -> None:
    """Another alarm in place of one is a change, though their number is the same."""
    link = air.bring(four_batteries())
    link.units[48].put(5107, [0x0A01])
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    before = battery_state(hass, "alarms")
    link.units[48].put(5107, [0x0A02])
    with reports(hass) as reported, changes(hass) as changed:
        await next_poll(hass)
    after = battery_state(hass, "alarms")
    assert after.state == before.state == "1"
    assert after.attributes != before.attributes
    assert reported[after.entity_id] == changed[after.entity_id] == 1


@pytest.mark.usefixtures("all_enabled")
async def test_what_depends_on_more_than_the_poll(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A renamed device, a lost poll and another unit of measurement are shown all the same."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    devices = dr.async_get(hass)
    weakest = devices.async_get_device_by_identifier(
        ("renogy_bt", f"{DONGLE.lower()}_51"), entry.entry_id
    )
    assert weakest is not None
    devices.async_update_device(weakest.id, name_by_user="Under the bed")
    voltage = battery_state(hass, "voltage").entity_id
    er.async_get(hass).async_update_entity_options(
        voltage, "sensor", {"unit_of_measurement": UnitOfElectricPotential.MILLIVOLT}
    )
    await next_poll(hass)
    assert bank_state(hass, entry, "weakest_battery").state == "Under the bed"
    assert float(battery_state(hass, "voltage").state) == 52400
    link.unreachable = "not in range"
    await next_poll(hass)
    link.unreachable = None
    await next_poll(hass)
    assert battery_state(hass, "link_quality").state == "75"


async def test_polls_that_end_while_another_is_stored(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk too the bank is reported once a round, when all of it is stored."""
    entry = await two_links(hass, air)
    both_polled = asyncio.Barrier(len(air.links))

    async def save_slowly(*_: Any) -> None:
        await both_polled.wait()

    monkeypatch.setattr(coordinator, "ENERGY_SECONDS", 0.0)
    with monkeypatch.context() as patch, reports(hass) as reported:
        patch.setattr(EnergyStore, "async_save", save_slowly)
        await by_request(hass, entry)
    assert reported == once(
        ids_of(hass, entry, DONGLE)
        | ids_of(hass, entry, OTHER)
        | ids_of(hass, entry, None)
    )


@pytest.mark.parametrize("asked", ["battery", "bank"])
async def test_update_that_the_user_asks_for(
    hass: HomeAssistant, air: FakeAir, asked: str
) -> None:
    """Home Assistant's action to update an entity polls its link, of the bank every link."""
    await async_setup_component(hass, "homeassistant", {})
    entry = await two_links(hass, air)
    state = (
        bank_state(hass, entry, "voltage")
        if asked == "bank"
        else battery_state(hass, "voltage")
    )
    with reports(hass) as reported:
        await hass.services.async_call(
            "homeassistant",
            "update_entity",
            {"entity_id": state.entity_id},
            blocking=True,
        )
        await settle(hass)
    polled = {DONGLE, OTHER} if asked == "bank" else {DONGLE}
    expected = once(
        ids_of(hass, entry, None).union(
            *(ids_of(hass, entry, address) for address in polled)
        )
    )
    # Home Assistant itself reports the entity that it was asked for once more.
    expected[state.entity_id] += 1
    assert reported == expected


@BOTH_ROADS
async def test_sixty_four_batteries_on_sixteen_links(
    hass: HomeAssistant, air: FakeAir, poll: Poll
) -> None:
    """However large the bank: a round reports everything once, a poll one link's share."""
    places = [
        (f"6C:B2:FD:A1:B2:{number:02X}", f"BT-TH-FDA1B2{number:02X}")
        for number in range(LINKS)
    ]
    for address, name in places:
        batteries = {unit: rbt50lfp48s(current=1000) for unit in (48, 49, 50, 51)}
        air.bring(FakeLink(batteries), address, name)
    entry = bank_entry(*(link_settings(address, name) for address, name in places))
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "64"
    of_bank = ids_of(hass, entry, None)
    of_links = {address: ids_of(hass, entry, address) for address, _ in places}
    with reports(hass) as reported:
        await poll(hass, entry)
    assert reported == once(of_bank.union(*of_links.values()))
    address, _ = places[7]
    air.links[address].units[50].put(5000, [15, *[34] * 14, 37])
    with reports(hass) as reported, changes(hass) as changed:
        await link_of(entry, address).async_refresh()
        await settle(hass)
    assert reported == once(of_links[address] | of_bank)
    assert {
        battery_state(hass, "cell_voltage_spread", 50, address).entity_id,
        bank_state(hass, entry, "cell_voltage_spread").entity_id,
    } <= changed.keys()
