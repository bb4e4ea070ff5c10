"""What a poll writes to Home Assistant's state machine: what has changed, and nothing else."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest

from custom_components.renogy_bt.renogy.link import RenogyLink
from custom_components.renogy_bt.renogy.models import LinkReport, PollStatistics
from homeassistant.const import (
    EVENT_STATE_CHANGED,
    EVENT_STATE_REPORTED,
    STATE_UNAVAILABLE,
    UnitOfElectricPotential,
)
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_settings,
    link_state,
    next_poll,
    set_up,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

LINKS = 16


@contextmanager
def state_writes(hass: HomeAssistant) -> Generator[list[str]]:
    """Give the entity ids that are written, those whose state stays the same too."""
    written: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        written.append(event.data["entity_id"])

    stops = [
        hass.bus.async_listen(kind, note, event_filter=callback(lambda _: True))
        for kind in (EVENT_STATE_CHANGED, EVENT_STATE_REPORTED)
    ]
    yield written
    for stop in stops:
        stop()


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

    async def poll_later(self: RenogyLink) -> LinkReport:
        freezer.tick(1)
        return await poll(self)

    monkeypatch.setattr(RenogyLink, "poll", poll_later)


def last_read_ids(hass: HomeAssistant, *addresses: str) -> set[str]:
    """Return what changes with every poll of the four batteries of each link."""
    return {
        battery_state(hass, "last_read", unit, address).entity_id
        for address in addresses
        for unit in (48, 49, 50, 51)
    }


def ids_of_every_poll(hass: HomeAssistant) -> set[str]:
    """Return what changes with every poll of one link, where all entities are enabled."""
    return {
        *last_read_ids(hass, DONGLE),
        link_state(hass, "last_successful_poll").entity_id,
    }


@pytest.mark.usefixtures("all_enabled")
async def test_nothing_has_changed(hass: HomeAssistant, air: FakeAir) -> None:
    """Of a bank at rest only the time of the last reading is written."""
    air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    with state_writes(hass) as written:
        await next_poll(hass)
    assert sorted(written) == sorted(ids_of_every_poll(hass))


@pytest.mark.usefixtures("all_enabled")
async def test_one_battery_has_changed(hass: HomeAssistant, air: FakeAir) -> None:
    """What a current changes is written once, of its battery and of the bank."""
    link = air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    link.units[49].put(5042, [500])
    with state_writes(hass) as written:
        await next_poll(hass)
    changed = {
        *ids_of_every_poll(hass),
        *(
            battery_state(hass, key, 49).entity_id
            for key in ("current", "power", "charging_state")
        ),
        battery_state(hass, "charging", 49, platform="binary_sensor").entity_id,
        *(bank_state(hass, entry, key).entity_id for key in ("current", "power")),
    }
    # What is counted and estimated from the current follows; how much is told elsewhere.
    meters = {
        state.entity_id
        for key in ("energy_charged", "energy_discharged", "time_to_full")
        for state in (battery_state(hass, key, 49), bank_state(hass, entry, key))
    }
    assert len(written) == len(set(written))
    assert changed <= set(written) <= changed | meters
    assert battery_state(hass, "current", 49).state == "5.0"


@pytest.mark.usefixtures("all_enabled")
async def test_availability_is_written_once_each_way(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A battery that stays away is not written again; with its return everything is."""
    link = air.bring(four_batteries())
    await set_up(hass, bank_entry(link_settings()))
    voltage = battery_state(hass, "voltage").entity_id
    link.unreachable = "not in range"
    with state_writes(hass) as written:
        for _ in range(3):
            await next_poll(hass)
    assert written.count(voltage) == 1
    assert hass.states.get(voltage).state == STATE_UNAVAILABLE  # type: ignore[union-attr]
    link.unreachable = None
    with state_writes(hass) as written:
        await next_poll(hass)
    assert written.count(voltage) == 1
    assert hass.states.get(voltage).state == "52.4"  # type: ignore[union-attr]


async def test_attributes_count(hass: HomeAssistant, air: FakeAir) -> None:
    """Another alarm in place of one is written, though their number is the same."""
    link = air.bring(four_batteries())
    link.units[48].put(5107, [0x0A01])
    await set_up(hass, bank_entry(link_settings()))
    before = battery_state(hass, "alarms")
    link.units[48].put(5107, [0x0A02])
    await next_poll(hass)
    after = battery_state(hass, "alarms")
    assert after.state == before.state == "1"
    assert after.attributes != before.attributes


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
    assert battery_state(hass, "link_quality").state == "75.0"


async def test_sixty_four_batteries_on_sixteen_links(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """However large the bank: one battery that changes is one battery's worth of writes."""
    places = [
        (f"6C:B2:FD:A1:B2:{number:02X}", f"BT-TH-FDA1B2{number:02X}")
        for number in range(LINKS)
    ]
    links = [
        air.bring(
            FakeLink({unit: rbt50lfp48s() for unit in (48, 49, 50, 51)}), address, name
        )
        for address, name in places
    ]
    entry = bank_entry(*(link_settings(address, name) for address, name in places))
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "64"
    addresses = [address for address, _ in places]
    with state_writes(hass) as written:
        await next_poll(hass)
    assert sorted(written) == sorted(last_read_ids(hass, *addresses))
    links[7].units[50].put(5000, [15, *[34] * 14, 37])
    with state_writes(hass) as written:
        await next_poll(hass)
    spreads = {
        battery_state(hass, "cell_voltage_spread", 50, addresses[7]).entity_id,
        bank_state(hass, entry, "cell_voltage_spread").entity_id,
    }
    changed = set(written) - last_read_ids(hass, *addresses)
    assert spreads <= changed
    assert len(written) <= 64 + LINKS + 12
