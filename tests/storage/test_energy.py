# SPDX-License-Identifier: Apache-2.0
"""Energy totals on disk: never lost, never ahead of what was shown, never in the way."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt import coordinator
from custom_components.renogy_bt.bank.charge_counter import (
    Agreement,
    ChargeState,
    CounterRecord,
    Habits,
    Way,
)
from custom_components.renogy_bt.bank.energy import (
    BankEnergy,
    EnergyTotals,
    PowerSample,
)
from custom_components.renogy_bt.links.settings import LinkSettings, links_of
from custom_components.renogy_bt.renogy.models import BatteryId
from custom_components.renogy_bt.storage.energy import EnergyStore
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import (
    Event,
    EventStateChangedData,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import restore_state
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    entity_id,
    link_of,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.energy_clock import EnergyClock
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

BATTERY: BatteryId = (DONGLE, 48)
INTERVAL = 60.0

# 12.5 A at 52.4 V, for a minute, in kWh.
PER_INTERVAL = 12.5 * 52.4 * INTERVAL / 3600 / 1000


def key_of(entry_id: str) -> str:
    """Return the name of the file that keeps the totals of a bank."""
    return f"renogy_bt.energy.{entry_id}"


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


async def test_the_totals_of_a_bank_can_be_removed(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """The totals of a bank can be removed, even those that were never there."""
    store = EnergyStore(hass, "test")
    await store.async_save(await load(hass))
    assert key_of("test") in hass_storage
    await store.async_remove()
    assert key_of("test") not in hass_storage
    await store.async_remove()


# A bank that counts


@pytest.fixture
async def bank(
    hass: HomeAssistant, hass_storage: dict[str, Any], air: FakeAir, clock: EnergyClock
) -> MockConfigEntry:
    """Return a bank of two batteries that are being charged."""
    air.bring(FakeLink({48: rbt50lfp48s(current=1250), 49: rbt50lfp48s(current=1250)}))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    return entry


async def polls(hass: HomeAssistant, clock: EnergyClock, number: int) -> None:
    """Let some polls pass, an interval apart."""
    for _ in range(number):
        clock.now += INTERVAL
        await next_poll(hass)


def charged(hass: HomeAssistant, entry: MockConfigEntry) -> float:
    """Return what the bank has charged, in kWh, which it shows down to a Wh."""
    return counted(
        bank_state(hass, entry, "energy_charged"), bank_of(entry).data.meter.energy
    )


def battery_charged(
    hass: HomeAssistant, entry: MockConfigEntry, unit: int = 48
) -> float:
    """Return what a battery has charged, in kWh, which it shows down to a Wh."""
    return counted(
        battery_state(hass, "energy_charged", unit),
        bank_of(entry).meters[DONGLE, unit].energy,
    )


def counted(state: State, totals: EnergyTotals | None) -> float:
    """Return what is charged by totals that are shown, in kWh."""
    assert totals is not None
    charged = totals.charged / 1000
    assert 0 <= charged - float(state.state) < 0.001
    return charged


@pytest.mark.usefixtures("all_enabled")
async def test_energy_of_a_bank(
    hass: HomeAssistant, bank: MockConfigEntry, clock: EnergyClock
) -> None:
    """The energy of the time between polls is counted, for each battery and for the bank."""
    assert charged(hass, bank) == 0
    await polls(hass, clock, 5)
    assert charged(hass, bank) == pytest.approx(10 * PER_INTERVAL)
    for unit in (48, 49):
        assert battery_charged(hass, bank, unit) == pytest.approx(5 * PER_INTERVAL)
        assert float(battery_state(hass, "energy_discharged", unit).state) == 0


async def test_written_before_published(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
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
    assert all(0 <= on_disk - value < 0.001 for value, on_disk in shown)
    assert shown[-1][0] > 0


async def test_polls_in_quick_succession_wear_no_disk_out(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is counted in between is neither written nor shown, and comes with the next write."""
    await polls(hass, clock, 1)
    monkeypatch.setattr(coordinator, "ENERGY_SECONDS", 3600.0)
    on_disk = deepcopy(hass_storage[key_of(bank.entry_id)])
    await polls(hass, clock, 3)
    assert charged(hass, bank) == pytest.approx(2 * PER_INTERVAL)
    assert hass_storage[key_of(bank.entry_id)] == on_disk
    monkeypatch.setattr(coordinator, "ENERGY_SECONDS", 0.0)
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(2 * 5 * PER_INTERVAL)


@pytest.mark.parametrize("ends", ["reload", "stop"])
async def test_nothing_is_lost_that_waits_for_being_written(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
) -> None:
    """A bank that ends writes what it has counted."""
    await polls(hass, clock, 1)
    monkeypatch.setattr(coordinator, "ENERGY_SECONDS", 3600.0)
    await polls(hass, clock, 2)
    if ends == "reload":
        await hass.config_entries.async_unload(bank.entry_id)
    else:
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        await settle(hass)
    on_disk = hass_storage[key_of(bank.entry_id)]["data"]["bank"]["charged"]
    assert on_disk == pytest.approx(2 * 3 * 1000 * PER_INTERVAL)


async def test_reload_neither_loses_nor_jumps(
    hass: HomeAssistant, bank: MockConfigEntry, clock: EnergyClock
) -> None:
    """A reload goes on exactly where it stopped, the time that it took included."""
    await polls(hass, clock, 3)
    clock.now += INTERVAL / 2
    assert await hass.config_entries.async_reload(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 3.5 * PER_INTERVAL)
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(2 * 4.5 * PER_INTERVAL)


async def killed(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """End a bank without letting it write anything more."""
    on_disk = deepcopy(hass_storage[key_of(entry.entry_id)])
    await hass.config_entries.async_unload(entry.entry_id)
    hass_storage[key_of(entry.entry_id)] = on_disk


async def test_kill_loses_nothing_that_was_polled(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
) -> None:
    """A Home Assistant that was killed goes on from its last poll, if it was not away for long."""
    await polls(hass, clock, 5)
    await killed(hass, bank, hass_storage)
    clock.now += 3 * INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 8 * PER_INTERVAL)


async def have_shown(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    shown: dict[tuple[str, str], Any],
) -> None:
    """Let Home Assistant itself have kept what entities have shown."""
    now = dt_util.utcnow().isoformat()
    hass_storage["core.restore_state"] = {
        "version": 1,
        "minor_version": 1,
        "key": "core.restore_state",
        "data": [
            {
                "state": State(
                    entity_id(hass, "sensor", "_".join(key)) or "", "1.0"
                ).as_dict(),
                "extra_data": {
                    "native_value": value,
                    "native_unit_of_measurement": "Wh",
                },
                "last_seen": now,
            }
            for key, value in shown.items()
        ],
    }
    await restore_state.async_get(hass).async_load()


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("value", "goes_on_from"),
    [
        *((5000.0, 5000.0), (1234, 1234.0), (0.0, 0.0)),
        *(("5000", 0.0), (True, 0.0), (None, 0.0), (-1.0, 0.0), ([], 0.0)),
        *((1e300, 0.0), (float("nan"), 0.0), (float("inf"), 0.0)),
    ],
)
async def test_no_total_falls_below_what_was_shown(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
    value: Any,
    goes_on_from: float,
) -> None:
    """Where the disk did not take the last totals, what Home Assistant has shown goes on."""
    await polls(hass, clock, 2)
    await killed(hass, bank, hass_storage)
    await have_shown(
        hass,
        hass_storage,
        {
            (bank.entry_id, "energy_charged"): value,
            (f"{DONGLE.lower()}_48", "energy_charged"): value,
        },
    )
    clock.now += INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    kwh = goes_on_from / 1000
    # The time since what was shown is not counted once more, that of the other battery is.
    assert charged(hass, bank) == pytest.approx(
        kwh + PER_INTERVAL if kwh else 6 * PER_INTERVAL
    )
    of_battery = battery_charged(hass, bank)
    assert of_battery == pytest.approx(kwh or 3 * PER_INTERVAL)
    assert float(battery_state(hass, "energy_discharged", 48).state) == 0
    await polls(hass, clock, 1)
    assert battery_charged(hass, bank) == pytest.approx(of_battery + PER_INTERVAL)


@pytest.mark.usefixtures("all_enabled")
async def test_what_is_stored_goes_on_where_it_is_more(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
) -> None:
    """What was shown is older than what is stored, as a rule."""
    await polls(hass, clock, 5)
    await killed(hass, bank, hass_storage)
    keys = [
        (bank.entry_id, "energy_charged"),
        (f"{DONGLE.lower()}_48", "energy_charged"),
    ]
    await have_shown(hass, hass_storage, dict.fromkeys(keys, 1.0))
    clock.now += INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 6 * PER_INTERVAL)


@pytest.mark.usefixtures("all_enabled")
async def test_what_was_shown_outlasts_a_time_without_readings(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    air: FakeAir,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A battery that is not read between two starts keeps what it has shown."""
    await polls(hass, clock, 1)
    await killed(hass, bank, hass_storage)
    key = (f"{DONGLE.lower()}_48", "energy_charged")
    await have_shown(hass, hass_storage, {key: 5000.0})
    air.links[DONGLE].unreachable = "off"
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    await restore_state.async_get(hass).async_dump_states()
    kept = {
        each["state"]["entity_id"]: each["extra_data"].get("native_value")
        for each in hass_storage["core.restore_state"]["data"]
        if each["extra_data"]
    }
    assert kept[entity_id(hass, "sensor", "_".join(key))] == 5000.0
    assert "Error getting extra restore state data" not in caplog.text


async def test_long_standstill_is_not_made_up(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
) -> None:
    """What happened while Home Assistant was away for more than five intervals is not known."""
    await polls(hass, clock, 5)
    await killed(hass, bank, hass_storage)
    clock.now += 5.1 * INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 5 * PER_INTERVAL)


async def test_start_of_the_machine(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A clock that counts from another start says nothing about the time since the last poll."""
    await polls(hass, clock, 5)
    await killed(hass, bank, hass_storage)
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("another start\n")
    monkeypatch.setattr("custom_components.renogy_bt.storage.energy._BOOT_ID", boot_id)
    clock.now += INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 5 * PER_INTERVAL)
    await polls(hass, clock, 1)
    assert charged(hass, bank) == pytest.approx(2 * 6 * PER_INTERVAL)


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
async def test_system_without_a_name_for_its_clock(
    hass: HomeAssistant,
    air: FakeAir,
    clock: EnergyClock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: bytes | None,
) -> None:
    """Where the clock cannot be told from another one, counting begins anew with each start."""
    boot_id = tmp_path / "boot_id"
    if content is not None:
        boot_id.write_bytes(content)
    monkeypatch.setattr("custom_components.renogy_bt.storage.energy._BOOT_ID", boot_id)
    air.bring(FakeLink({48: rbt50lfp48s(current=1250)}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    await polls(hass, clock, 2)
    clock.now += INTERVAL
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert charged(hass, entry) == pytest.approx(2 * PER_INTERVAL)


async def test_sample_of_the_future(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
) -> None:
    """A stored sample that is not over yet bridges no gap, and no total suffers."""
    await polls(hass, clock, 5)
    await killed(hass, bank, hass_storage)
    data = hass_storage[key_of(bank.entry_id)]["data"]
    for sample in data["samples"].values():
        sample["at"] = 1e12
    clock.now += INTERVAL
    await hass.config_entries.async_setup(bank.entry_id)
    await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 5 * PER_INTERVAL)


@pytest.mark.parametrize(
    "jump",
    [
        pytest.param(timedelta(hours=8), id="suspended"),
        pytest.param(timedelta(days=-400), id="set back"),
        pytest.param(timedelta(days=400), id="set forward"),
    ],
)
async def test_wall_clock_does_not_matter(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    monkeypatch: pytest.MonkeyPatch,
    jump: timedelta,
) -> None:
    """Energy is counted by a clock that a change of the time or a suspended machine leave alone."""
    await polls(hass, clock, 2)
    real_utcnow = dt_util.utcnow
    monkeypatch.setattr(dt_util, "utcnow", lambda: real_utcnow() + jump)
    for _ in range(2):
        clock.now += INTERVAL
        await link_of(bank).async_refresh()
        await settle(hass)
    assert charged(hass, bank) == pytest.approx(2 * 4 * PER_INTERVAL)
    assert float(bank_state(hass, bank, "energy_discharged").state) == 0


async def test_total_of_the_bank_does_not_fall(
    hass: HomeAssistant, bank: MockConfigEntry, clock: EnergyClock
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
    hass: HomeAssistant, bank: MockConfigEntry, clock: EnergyClock, air: FakeAir
) -> None:
    """After a long outage the totals are as before it, not higher and not unknown."""
    await polls(hass, clock, 3)
    before = charged(hass, bank)
    air.links[DONGLE].unreachable = "abort-by-local"
    await polls(hass, clock, 10)
    air.links[DONGLE].unreachable = None
    await link_of(bank).async_refresh()
    assert charged(hass, bank) == pytest.approx(before)


async def test_removed_bank_leaves_no_file(
    hass: HomeAssistant,
    bank: MockConfigEntry,
    clock: EnergyClock,
    hass_storage: dict[str, Any],
) -> None:
    """With the bank its totals are removed."""
    await polls(hass, clock, 1)
    assert key_of(bank.entry_id) in hass_storage
    await hass.config_entries.async_remove(bank.entry_id)
    await settle(hass)
    assert key_of(bank.entry_id) not in hass_storage


async def test_sample_that_was_forgotten_is_not_kept(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """A reload does not count on from a power whose scale is not known any more."""
    store = EnergyStore(hass, "test")
    energy = await store.async_load(INTERVAL)
    for at in (0.0, INTERVAL):
        energy.add({BATTERY: PowerSample(at=at, power=600.0)})
    await store.async_save(energy)
    energy.forget_samples({BATTERY})
    await store.async_save(energy)
    assert hass_storage[key_of("test")]["data"]["samples"] == {}


# What was seen of the charge counters

SAMPLE = PowerSample(
    at=INTERVAL,
    power=655.0,
    charge=ChargeState(voltage=52.4, current=12.5, remaining=25.0, total=49.995),
)
RECORD = CounterRecord(
    charging=Agreement(stretches=30.0, fits=12.5, misses=3.0),
    discharging=Agreement(stretches=20.0, fits=8.0),
    habits=Habits(most_in=20.0, most_out=45.0, load=100.0, load_square=3000.0),
    stands_still=True,
)


async def test_counters_outlast_a_restart(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What was seen of a counter need not be seen again."""
    store = EnergyStore(hass, "test")
    await store.async_load(INTERVAL)
    energy = BankEnergy[BatteryId](
        {BATTERY: EnergyTotals(charged=1.0)},
        EnergyTotals(charged=1.0),
        INTERVAL,
        {BATTERY: SAMPLE},
        {BATTERY: RECORD},
    )
    await store.async_save(energy)
    loaded = await load(hass)
    assert loaded.records == {BATTERY: RECORD}
    assert loaded.last_samples == {BATTERY: SAMPLE}


async def test_file_of_a_version_that_knew_the_power_alone(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """Its totals and samples go on, and counters have shown nothing yet."""
    store = EnergyStore(hass, "test")
    await store.async_save(await store.async_load(INTERVAL))
    file = hass_storage[key_of("test")]
    file["minor_version"] = 1
    file["data"] = {
        "bank": {"charged": 7.0, "discharged": 3.0},
        "batteries": {f"{DONGLE}/48": {"charged": 5.0, "discharged": 2.0}},
        "samples": {f"{DONGLE}/48": {"at": 0.0, "power": 600.0}},
        "clock": file["data"]["clock"],
    }
    energy = await load(hass)
    assert energy.records == {BATTERY: CounterRecord()}
    energy.add({BATTERY: replace(SAMPLE, power=600.0)})
    assert energy.of(BATTERY) == EnergyTotals(charged=15.0, discharged=2.0)
    assert energy.bank == EnergyTotals(charged=17.0, discharged=3.0)
    assert energy.way_of([BATTERY]) is Way.SAMPLED_POWER
