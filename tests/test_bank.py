# SPDX-License-Identifier: Apache-2.0
"""The bank as a whole: what it adds up to as batteries come, go and age."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_track_state_change_event
from tests.banks import (
    MODEL,
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
from tests.energy_clock import EnergyClock
from tests.fake_air import DONGLE, FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink, rbt50lfp48s

OTHER = "60:98:66:ED:FC:11"
OTHER_NAME = "BT-TH-66EDFC11"
SIXTEEN = tuple(range(48, 64))
WEEK = 7 * 24 * 3600.0

SUMS = ("power", "current", "remaining_capacity", "total_capacity", "stored_energy")


def batteries(units: tuple[int, ...]) -> dict[int, FakeBattery]:
    """Return batteries that are charged with 10 A."""
    return {unit: rbt50lfp48s(current=1000, remaining=25_000) for unit in units}


@contextmanager
def history(hass: HomeAssistant, *entity_ids: str) -> Generator[list[str]]:
    """Give every state that some entities get."""
    states: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            states.append(state.state)

    stop = async_track_state_change_event(hass, entity_ids, note)
    yield states
    stop()


@pytest.mark.parametrize(
    "units",
    [
        pytest.param((SIXTEEN,), id="one link"),
        pytest.param((SIXTEEN[:8], SIXTEEN[:8]), id="two links"),
    ],
)
async def test_sixteen_batteries(
    hass: HomeAssistant, air: FakeAir, units: tuple[tuple[int, ...], ...]
) -> None:
    """Sixteen batteries are one bank, and no two are called the same."""
    places = [(DONGLE, "BT-TH-FDA1B2C3"), (OTHER, OTHER_NAME)][: len(units)]
    settings = []
    for (address, name), behind in zip(places, units, strict=True):
        air.bring(FakeLink(batteries(behind)), address, name)
        settings.append(link_settings(address, name, behind))
    entry = bank_entry(*settings)
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "16"
    assert float(bank_state(hass, entry, "current").state) == 160
    assert float(bank_state(hass, entry, "total_capacity").state) == 800
    assert float(bank_state(hass, entry, "state_of_charge").state) == 50
    names = [
        device.name
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
    ]
    assert len(names) == len(set(names)) == 17 + len(places)


async def test_where_the_extremes_are(hass: HomeAssistant, air: FakeAir) -> None:
    """A battery numbers its cells and sensors that stand out, the bank names the battery too."""
    link = air.bring(FakeLink(batteries((48, 49))))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    names = [f"{MODEL} {place}" for place in (1, 2)]
    for key, where in {
        "cell_voltage_min": None,
        "cell_voltage_max": f"{names[0]} (cell 10)",
    }.items():
        assert bank_state(hass, entry, key).attributes["where"] == where
    assert bank_problem(hass, entry) == []
    link.units[49].put(5003, [33, 36])
    link.units[49].put(5106, [0x000F])
    device = dr.async_get(hass).async_get_device_by_identifier(
        ("renogy_bt", f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    dr.async_get(hass).async_update_device(device.id, name_by_user="Fridge")
    await next_poll(hass)
    spread = battery_state(hass, "cell_voltage_spread", 49).attributes
    assert (spread["lowest_cells"], spread["highest_cells"]) == ([3], [4])
    low, high = (
        bank_state(hass, entry, f"cell_voltage_{end}").attributes["where"]
        for end in ("min", "max")
    )
    assert (low, high) == ("Fridge (cell 3)", "Fridge (cell 4)")
    assert bank_problem(hass, entry) == ["Fridge"]
    link.units[48].put(5018, [90])
    await next_poll(hass)
    temperature = battery_state(hass, "temperature").attributes
    assert temperature["coldest_sensors"] == [1]
    coldest = bank_state(hass, entry, "temperature_min").attributes["where"]
    assert coldest == f"{names[0]} (sensor 1)"


def bank_problem(hass: HomeAssistant, entry: MockConfigEntry) -> list[str]:
    """Return the names of the batteries with a problem."""
    found = bank_state(hass, entry, "problem", "binary_sensor").attributes["batteries"]
    assert isinstance(found, list)
    return found


@pytest.mark.usefixtures("all_enabled")
async def test_two_links_in_series(hass: HomeAssistant, air: FakeAir) -> None:
    """In series the links' voltages add up; one battery is empty first, the other full first."""
    air.bring(FakeLink(batteries((48,))))
    weaker = air.bring(FakeLink(batteries((48,))), OTHER, OTHER_NAME)
    weaker.units[48].put(5044, [0, 20_000])
    entry = bank_entry(
        link_settings(units=(48,)),
        link_settings(OTHER, OTHER_NAME, (48,)),
        wiring="series",
    )
    await set_up(hass, entry)
    assert float(bank_state(hass, entry, "voltage").state) == 104.8
    assert float(bank_state(hass, entry, "current").state) == 10
    assert float(bank_state(hass, entry, "remaining_capacity").state) == 20
    # The other one is full after 25 Ah more.
    assert float(bank_state(hass, entry, "total_capacity").state) == 45
    assert float(bank_state(hass, entry, "time_to_full").state) == 2.5
    assert float(bank_state(hass, entry, "power").state) == 1048


@pytest.mark.usefixtures("all_enabled")
async def test_sums_never_dip(
    hass: HomeAssistant, air: FakeAir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a battery is silent a sum is unknown; not once is it the sum of the others."""
    link = air.bring(FakeLink(batteries((48, 49, 50, 51))))
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    sums = {key: bank_state(hass, entry, key) for key in SUMS}
    silent = link.units.pop(50)
    with history(hass, *(state.entity_id for state in sums.values())) as states:
        for _ in range(2):
            await next_poll(hass)
        assert {bank_state(hass, entry, key).state for key in SUMS} == {STATE_UNKNOWN}
        link.units[50] = silent
        monkeypatch.setattr(
            "custom_components.renogy_bt.renogy.battery.BACKOFF_SECONDS", 0.0
        )
        for _ in range(3):
            await next_poll(hass)
    whole = {state.state for state in sums.values()}
    assert set(states) == {STATE_UNKNOWN, *whole}
    for key, state in sums.items():
        assert bank_state(hass, entry, key).state == state.state


@pytest.mark.usefixtures("all_enabled")
async def test_capacity_changes(
    hass: HomeAssistant, air: FakeAir, clock: EnergyClock, hass_storage: dict[str, Any]
) -> None:
    """A battery that learns a smaller capacity is worth less from then on; no energy is lost."""
    link = air.bring(FakeLink(batteries((48, 49))))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    clock.now += 60
    await next_poll(hass)
    a_minute = 2 * 10 * 52.4 / 60 / 1000
    assert bank_state(hass, entry, "energy_charged").state == f"{a_minute:.3f}"
    link.units[49].put(5046, [0, 40_000])
    # It is believed when the next poll says the same.
    for _ in range(2):
        clock.now += 60
        await next_poll(hass)
    assert float(battery_state(hass, "total_capacity", 49).state) == 40
    assert float(battery_state(hass, "state_of_charge", 49).state) == 62.5
    assert float(bank_state(hass, entry, "total_capacity").state) == 90
    assert float(bank_state(hass, entry, "state_of_charge").state) == pytest.approx(
        100 * 50 / 90, abs=0.05
    )
    assert bank_state(hass, entry, "energy_charged").state == f"{3 * a_minute:.3f}"


@pytest.mark.usefixtures("all_enabled")
async def test_battery_returns_after_a_week(
    hass: HomeAssistant, air: FakeAir, clock: EnergyClock, hass_storage: dict[str, Any]
) -> None:
    """A battery that was away for a week goes on where it stopped; the week is not made up."""
    air.bring(FakeLink(batteries((48,))))
    away = air.bring(FakeLink(batteries((48,))), OTHER, OTHER_NAME)
    entry = bank_entry(
        link_settings(units=(48,)), link_settings(OTHER, OTHER_NAME, (48,))
    )
    await set_up(hass, entry)
    clock.now += 60
    await next_poll(hass)
    charged = battery_state(hass, "energy_charged", 48, OTHER).state
    minute = 10 * 52.4 / 60 / 1000
    assert bank_state(hass, entry, "energy_charged").state == f"{2 * minute:.3f}"
    away.unreachable = "not in range"
    clock.now += 60
    await next_poll(hass)
    assert battery_state(hass, "voltage", 48, OTHER).state == STATE_UNAVAILABLE
    clock.now += WEEK
    await next_poll(hass)
    devices = dr.async_get(hass)
    found = devices.async_get_device_by_identifier(
        ("renogy_bt", f"{OTHER.lower()}_48"), entry.entry_id
    )
    assert found is not None
    away.unreachable = None
    clock.now += 60
    await next_poll(hass)
    await settle(hass)
    assert battery_state(hass, "energy_charged", 48, OTHER).state == charged
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    clock.now += 60
    await next_poll(hass)
    state = battery_state(hass, "energy_charged", 48, OTHER).state
    assert state == f"{2 * minute:.3f}"
    # The other battery was polled all the time but for the week in between.
    assert bank_state(hass, entry, "energy_charged").state == f"{6 * minute:.3f}"


async def test_readings_with_holes(hass: HomeAssistant, air: FakeAir) -> None:
    """A battery that does not tell its status takes part in all that is known of it."""
    link = air.bring(FakeLink(batteries((48, 49))))
    link.units[49].readable = ((5000, 5052),)
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    assert bank_state(hass, entry, "batteries_responding").state == "2"
    assert float(bank_state(hass, entry, "total_capacity").state) == 100
    problem = {
        unit: battery_state(hass, "problem", unit, platform="binary_sensor").state
        for unit in (48, 49)
    }
    assert problem == {48: "off", 49: STATE_UNKNOWN}
    assert bank_state(hass, entry, "problem", "binary_sensor").state == "off"


async def test_battery_that_refuses_its_cells(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What is no whole reading is none: the battery is missing, the bank is told of without it."""
    link = air.bring(FakeLink(batteries((48, 49))))
    link.units[49].readable = ((5042, 5048),)
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    assert battery_state(hass, "voltage", 49).state == STATE_UNAVAILABLE
    assert bank_state(hass, entry, "batteries_responding").state == "1"
    assert bank_state(hass, entry, "total_capacity").state == STATE_UNKNOWN
    assert float(bank_state(hass, entry, "voltage").state) == 52.4
    assert bank_state(hass, entry, "cell_voltage_spread").state == "0.1"


@pytest.mark.parametrize(("gap", "is_counted"), [(15, True), (49, True), (51, False)])
async def test_energy_goes_on_while_a_kept_link_is_let_go(
    hass: HomeAssistant, air: FakeAir, clock: EnergyClock, gap: int, *, is_counted: bool
) -> None:
    """A pause of many intervals of 2 s is none, where a link breathes or steps aside."""
    air.bring(FakeLink(batteries((48,))))
    entry = bank_entry(link_settings(units=(48,), kept_interval=2))
    await set_up(hass, entry)
    clock.now += gap
    await link_of(entry).async_refresh()
    energy = bank_of(entry).meters[DONGLE, 48].energy
    assert energy is not None
    expected = 10 * 52.4 * gap / 3600 if is_counted else 0
    assert energy.charged == pytest.approx(expected)
    await hass.config_entries.async_unload(entry.entry_id)
