"""Energy totals on disk: never lost, never ahead of what was shown, never in the way."""

from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.bank.energy import (
    BankEnergy,
    EnergyTotals,
    PowerSample,
)
from custom_components.renogy_bt.bank.meters import BankMeters
from custom_components.renogy_bt.energy_store import EnergyStore
from custom_components.renogy_bt.links import BatteryId, LinkSettings, links_of
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers.event import async_track_state_change_event
from tests.banks import (
    bank_entry,
    bank_state,
    battery_state,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, four_batteries, rbt50lfp48s

BATTERY: BatteryId = (DONGLE, 48)
INTERVAL = 60.0

# 12.5 A at 52.4 V, for a minute, in kWh.
PER_INTERVAL = 12.5 * 52.4 * INTERVAL / 3600 / 1000


def key_of(entry_id: str) -> str:
    """Return the name of the file that keeps the totals of a bank."""
    return f"renogy_bt.energy.{entry_id}"


def stored(version: int = 1, **totals: Any) -> dict[str, Any]:
    """Return a file with these totals."""
    return {"version": version, "minor_version": 1, "key": "", "data": totals}


async def load(hass: HomeAssistant) -> BankEnergy[BatteryId]:
    """Return the stored totals of the bank `test`."""
    return await EnergyStore(hass, "test").async_load(INTERVAL)


# The file


async def test_no_file_yet(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """A new bank counts from zero."""
    energy = await load(hass)
    assert energy.bank == EnergyTotals()
    assert energy.batteries == {}


async def test_what_is_saved_is_loaded(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """Totals come back as they were saved, and are counted on from there."""
    energy = BankEnergy[BatteryId](
        {BATTERY: EnergyTotals(charged=1.25, discharged=2.5)},
        EnergyTotals(charged=10.0, discharged=20.0),
        INTERVAL,
    )
    await EnergyStore(hass, "test").async_save(energy)
    loaded = await load(hass)
    assert loaded.bank == energy.bank
    assert loaded.batteries == energy.batteries
    for at in (0.0, INTERVAL):
        loaded.add({BATTERY: PowerSample(at=at, power=600.0)})
    assert loaded.batteries[BATTERY] == EnergyTotals(charged=11.25, discharged=2.5)
    assert loaded.bank == EnergyTotals(charged=20.0, discharged=20.0)


async def test_written_only_when_changed(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """A bank at rest does not wear the disk out."""
    store = EnergyStore(hass, "test")
    energy = await store.async_load(INTERVAL)
    await store.async_save(energy)
    del hass_storage[key_of("test")]
    await store.async_save(energy)
    assert key_of("test") not in hass_storage
    for at in (0.0, INTERVAL):
        energy.add({BATTERY: PowerSample(at=at, power=600.0)})
    await store.async_save(energy)
    assert hass_storage[key_of("test")]["data"]["bank"]["charged"] == 10.0


GOOD = {"charged": 5.0, "discharged": 7}
DAMAGED: list[Any] = [
    "nonsense",
    [1.0, 2.0],
    {"charged": 1.0},
    {"charged": 1.0, "discharged": "2.0"},
    {"charged": -1.0, "discharged": 2.0},
    {"charged": float("nan"), "discharged": 2.0},
    {"charged": 1.0, "discharged": float("inf")},
    {"charged": True, "discharged": 2.0},
    {"charged": None, "discharged": 2.0},
]


@pytest.mark.parametrize("damaged", DAMAGED)
async def test_damaged_totals(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    damaged: Any,
) -> None:
    """What cannot be right starts from zero, and is reported; the rest is kept."""
    hass_storage[key_of("test")] = stored(
        bank=damaged, batteries={f"{DONGLE}/48": damaged, f"{DONGLE}/49": GOOD}
    )
    energy = await load(hass)
    assert energy.bank == EnergyTotals()
    assert energy.batteries == {
        BATTERY: EnergyTotals(),
        (DONGLE, 49): EnergyTotals(charged=5.0, discharged=7.0),
    }
    assert "Stored energy of bank is damaged" in caplog.text
    assert f"Stored energy of {DONGLE}/48 is damaged" in caplog.text
    assert f"Stored energy of {DONGLE}/49" not in caplog.text


@pytest.mark.parametrize(
    "batteries", [None, [], "x", {"": GOOD, "A/b": GOOD, "/1": GOOD}]
)
async def test_damaged_batteries(
    hass: HomeAssistant, hass_storage: dict[str, Any], batteries: Any
) -> None:
    """Without readable batteries the bank's own total is kept all the same."""
    hass_storage[key_of("test")] = stored(bank=GOOD, batteries=batteries)
    energy = await load(hass)
    assert energy.bank == EnergyTotals(charged=5.0, discharged=7.0)
    assert energy.batteries == {}


@pytest.mark.parametrize("data", [None, [], [1], "x", 1])
async def test_damaged_file(
    hass: HomeAssistant, hass_storage: dict[str, Any], data: Any
) -> None:
    """A file with something else in it starts from zero."""
    hass_storage[key_of("test")] = {**stored(), "data": data}
    energy = await load(hass)
    assert energy.bank == EnergyTotals()
    assert energy.batteries == {}


async def test_newer_version(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """Totals of a newer version are not overwritten: going on without them would lose them."""
    newer = stored(version=2, bank=GOOD)
    hass_storage[key_of("test")] = newer
    with pytest.raises(ConfigEntryError):
        await load(hass)
    assert hass_storage[key_of("test")] == newer


async def test_removed(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """The totals of a bank can be removed, even those that were never there."""
    store = EnergyStore(hass, "test")
    await store.async_save(await load(hass))
    assert key_of("test") in hass_storage
    await store.async_remove()
    assert key_of("test") not in hass_storage
    await store.async_remove()


# A bank that counts


class Clock:
    """The clock that energy is counted by."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Count energy by a clock that only polls move."""
    clock = Clock()
    advance = BankMeters.advance

    def on_this_clock(self: BankMeters[Any], _: float, *args: Any) -> Any:
        return advance(self, clock.now, *args)

    monkeypatch.setattr(BankMeters, "advance", on_this_clock)
    return clock


@pytest.fixture
async def bank(
    hass: HomeAssistant, hass_storage: dict[str, Any], air: FakeAir, clock: Clock
) -> MockConfigEntry:
    """Return a bank of two batteries that are being charged."""
    air.bring(FakeLink({48: rbt50lfp48s(current=1250), 49: rbt50lfp48s(current=1250)}))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


async def polls(hass: HomeAssistant, clock: Clock, number: int) -> None:
    """Let some polls pass, an interval apart."""
    for _ in range(number):
        clock.now += INTERVAL
        await next_poll(hass)


def charged(hass: HomeAssistant, entry: MockConfigEntry) -> float:
    """Return what the bank shows as charged, in kWh."""
    return float(bank_state(hass, entry, "energy_charged").state)


async def test_energy_of_a_bank(
    hass: HomeAssistant, bank: MockConfigEntry, clock: Clock
) -> None:
    """The energy of the time between polls is counted, for each battery and for the bank."""
    assert charged(hass, bank) == 0
    await polls(hass, clock, 5)
    assert charged(hass, bank) == pytest.approx(10 * PER_INTERVAL)
    for unit in (48, 49):
        state = battery_state(hass, "energy_charged", unit)
        assert float(state.state) == pytest.approx(5 * PER_INTERVAL)
        assert float(battery_state(hass, "energy_discharged", unit).state) == 0


async def test_written_before_published(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: Clock,
    hass_storage: dict[str, Any],
) -> None:
    """Whenever a total is shown, a total no smaller is on the disk already."""
    shown: list[tuple[float, float]] = []

    @callback
    def compare(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        on_disk = hass_storage[key_of(bank.entry_id)]["data"]["bank"]["charged"]
        shown.append((float(state.state), on_disk / 1000))

    entity = bank_state(hass, bank, "energy_charged").entity_id
    async_track_state_change_event(hass, entity, compare)
    await polls(hass, clock, 3)
    assert len(shown) == 3
    assert all(value == pytest.approx(on_disk) for value, on_disk in shown)


async def test_reload_neither_loses_nor_jumps(
    hass: HomeAssistant, bank: MockConfigEntry, clock: Clock
) -> None:
    """A reload goes on exactly where it stopped; the time without polls is not made up."""
    await polls(hass, clock, 3)
    before = charged(hass, bank)
    clock.now += INTERVAL
    assert await hass.config_entries.async_reload(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(before)
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(before + 2 * PER_INTERVAL)


async def test_kill_loses_one_interval_at_most(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: Clock,
    hass_storage: dict[str, Any],
) -> None:
    """A Home Assistant that was killed comes back with all but the interval it was killed in."""
    await polls(hass, clock, 5)
    on_disk = {
        **hass_storage[key_of(bank.entry_id)],
        "data": dict(hass_storage[key_of(bank.entry_id)]["data"]),
    }
    await hass.config_entries.async_unload(bank.entry_id)
    # Nothing that unloading may have written counts.
    hass_storage[key_of(bank.entry_id)] = on_disk
    clock.now += INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    await polls(hass, clock, 4)
    ideal = 2 * 10 * PER_INTERVAL
    assert ideal - 2 * PER_INTERVAL == pytest.approx(charged(hass, bank))


async def test_total_of_the_bank_does_not_fall(
    hass: HomeAssistant, bank: MockConfigEntry, clock: Clock
) -> None:
    """Taking a battery out of the bank leaves what it has contributed."""
    await polls(hass, clock, 3)
    before = charged(hass, bank)
    ((subentry_id, link),) = links_of(bank).items()
    smaller: LinkSettings = replace(link, batteries=link.batteries[:1])
    hass.config_entries.async_update_subentry(
        bank, bank.subentries[subentry_id], data=smaller.as_data()
    )
    await settle(hass)
    assert len(bank.runtime_data.labels) == 1
    assert charged(hass, bank) == pytest.approx(before)
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(before + PER_INTERVAL)


async def test_outage_is_not_made_up(
    hass: HomeAssistant, bank: MockConfigEntry, clock: Clock, air: FakeAir
) -> None:
    """After a long outage the totals are as before it, not higher and not unknown."""
    await polls(hass, clock, 3)
    before = charged(hass, bank)
    air.links[DONGLE].unreachable = "abort-by-local"
    await polls(hass, clock, 10)
    air.links[DONGLE].unreachable = None
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(before)


async def test_removed_bank_leaves_no_file(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: Clock,
    hass_storage: dict[str, Any],
) -> None:
    """With the bank its totals are removed."""
    await polls(hass, clock, 1)
    assert key_of(bank.entry_id) in hass_storage
    await hass.config_entries.async_remove(bank.entry_id)
    await settle(hass)
    assert key_of(bank.entry_id) not in hass_storage


async def test_bank_with_totals_of_a_newer_version(
    hass: HomeAssistant, hass_storage: dict[str, Any], air: FakeAir
) -> None:
    """After a downgrade the bank says what is the matter instead of losing its totals."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    hass_storage[key_of(entry.entry_id)] = stored(version=2, bank=GOOD)
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason is not None
    assert "stored by a newer version" in entry.reason
    assert hass_storage[key_of(entry.entry_id)]["data"] == {"bank": GOOD}
