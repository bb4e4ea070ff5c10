# SPDX-License-Identifier: Apache-2.0
"""The entities of a bank: which there are, what they say, and how they say it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.sensor import MeasuredDescription, rough_time
from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNKNOWN, EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.banks import (
    bank_entry,
    bank_of,
    bank_state,
    battery_state,
    entity_id,
    link_settings,
    next_poll,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.renogy.fake_link import FakeBattery, FakeLink, four_batteries, rbt50lfp48s

# What outside programs may rely on.
BATTERY_KEYS = {
    "state_of_charge",
    "voltage",
    "current",
    "power",
    "remaining_capacity",
    "total_capacity",
    "stored_energy",
    "energy_charged",
    "energy_discharged",
    "time_to_full",
    "time_to_empty",
    "cycles",
    "temperature",
    "temperature_min",
    "temperature_max",
    *(f"cell_voltage_{number}" for number in range(1, 16)),
    *(f"cell_temperature_{number}" for number in range(1, 16)),
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_voltage_spread",
    "board_temperature",
    "environment_temperature_1",
    "heater_temperature_1",
    "charge_voltage_limit",
    "discharge_voltage_limit",
    "charge_current_limit",
    "discharge_current_limit",
    "charging_state",
    "alarms",
    "link_quality",
    "last_read",
    "current_share",
    *(
        f"{quantity}_threshold"
        for quantity in (
            "cell_over_voltage",
            "cell_under_voltage",
            "module_over_voltage",
            "module_under_voltage",
            "charge_over_temperature",
            "charge_under_temperature",
            "discharge_over_temperature",
            "discharge_under_temperature",
        )
    ),
    "last_full_charge",
    "time_since_full_charge",
    "deepest_discharge",
    "average_discharge",
    "charge_drawn",
    "charge_added",
    "highest_voltage",
    "lowest_voltage",
    "full_discharges",
    "alarms_raised",
    "capacity_health",
    "round_trip_efficiency",
    "internal_resistance",
    "time_to_reserve",
}
PROTECTION_KEYS = {
    "over_voltage_protection",
    "under_voltage_protection",
    "charge_temperature_protection",
    "discharge_temperature_protection",
    "over_current_protection",
    "short_circuit_protection",
}
BATTERY_BINARY_KEYS = {
    "charging",
    "problem",
    "charge_mosfet",
    "discharge_mosfet",
    "heater",
    "fully_charged",
    *PROTECTION_KEYS,
}
BATTERY_EVENT_KEYS = {"alarm"}
BANK_KEYS = {
    "state_of_charge",
    "voltage",
    "current",
    "power",
    "remaining_capacity",
    "total_capacity",
    "stored_energy",
    "energy_charged",
    "energy_discharged",
    "time_to_full",
    "time_to_empty",
    "state_of_charge_spread",
    "cell_voltage_min",
    "cell_voltage_max",
    "cell_voltage_spread",
    "temperature_min",
    "temperature_max",
    "weakest_battery",
    "batteries_responding",
    "current_spread",
    "time_to_reserve",
    "available_charge_current",
    "last_full_charge",
    "time_since_full_charge",
    "available_discharge_current",
    "voltage_spread",
}
BANK_BINARY_KEYS = {"problem", "reserve_reached"}

# What each battery of a bank shows of itself without being asked, and where.
MAIN_KEYS = {"alarm", "state_of_charge", "voltage", "current", "temperature"}
DIAGNOSTIC_KEYS = {
    "cycles",
    "cell_voltage_spread",
    "alarms",
    "time_since_full_charge",
    "deepest_discharge",
    "charge_drawn",
    "problem",
    "charge_mosfet",
    "discharge_mosfet",
    "heater",
}
# What is shown of all batteries together: by the bank, or by its only battery.
WHOLE_MAIN_KEYS = {
    "power",
    "energy_charged",
    "energy_discharged",
    "time_to_full",
    "time_to_empty",
}
WHOLE_DIAGNOSTIC_KEYS = {"total_capacity", "last_full_charge"}
BANK_SHOWN = {
    None: {
        "state_of_charge",
        "voltage",
        "current",
        "reserve_reached",
        *WHOLE_MAIN_KEYS,
    },
    EntityCategory.DIAGNOSTIC: {
        *WHOLE_DIAGNOSTIC_KEYS,
        "state_of_charge_spread",
        "cell_voltage_min",
        "cell_voltage_max",
        "cell_voltage_spread",
        "temperature_min",
        "temperature_max",
        "batteries_responding",
        "time_since_full_charge",
        "problem",
    },
}


def keys_of(
    entity_registry: er.EntityRegistry, entry: MockConfigEntry, identifier: str
) -> dict[str, set[str]]:
    """Return the keys of one device's entities by platform."""
    keys: dict[str, set[str]] = {}
    for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        if entity.unique_id.startswith(f"{identifier}_"):
            key = entity.unique_id.removeprefix(f"{identifier}_")
            keys.setdefault(entity.domain, set()).add(key)
    return keys


async def test_every_key_is_there(
    hass: HomeAssistant, air: FakeAir, entity_registry: er.EntityRegistry
) -> None:
    """Each battery and the bank have the entities that are promised, and no others."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    for unit in (48, 49, 50, 51):
        assert keys_of(entity_registry, entry, f"{DONGLE.lower()}_{unit}") == {
            "sensor": BATTERY_KEYS,
            "binary_sensor": BATTERY_BINARY_KEYS,
            "event": BATTERY_EVENT_KEYS,
        }
    assert keys_of(entity_registry, entry, entry.entry_id) == {
        "sensor": BANK_KEYS,
        "binary_sensor": BANK_BINARY_KEYS,
    }


def shown_of(
    entity_registry: er.EntityRegistry, entry: MockConfigEntry, identifier: str
) -> dict[EntityCategory | None, set[str]]:
    """Return the keys of one device's entities that are enabled, by category."""
    shown: dict[EntityCategory | None, set[str]] = {}
    for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id):
        if entity.unique_id.startswith(f"{identifier}_") and entity.disabled_by is None:
            key = entity.unique_id.removeprefix(f"{identifier}_")
            shown.setdefault(entity.entity_category, set()).add(key)
    return shown


async def test_what_is_shown_by_default(
    hass: HomeAssistant, air: FakeAir, entity_registry: er.EntityRegistry
) -> None:
    """A bank shows what its batteries come to, and each battery its main values."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    for unit in (48, 51):
        identifier = f"{DONGLE.lower()}_{unit}"
        assert shown_of(entity_registry, entry, identifier) == {
            None: MAIN_KEYS,
            EntityCategory.DIAGNOSTIC: DIAGNOSTIC_KEYS,
        }
    assert shown_of(entity_registry, entry, entry.entry_id) == BANK_SHOWN


async def test_what_a_bank_of_one_battery_shows(
    hass: HomeAssistant, air: FakeAir, entity_registry: er.EntityRegistry
) -> None:
    """The only battery shows everything, and the bank nothing a second time."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    assert shown_of(entity_registry, entry, f"{DONGLE.lower()}_48") == {
        None: MAIN_KEYS | WHOLE_MAIN_KEYS,
        EntityCategory.DIAGNOSTIC: DIAGNOSTIC_KEYS | WHOLE_DIAGNOSTIC_KEYS,
    }
    assert shown_of(entity_registry, entry, entry.entry_id) == {
        None: {"reserve_reached"}
    }
    assert keys_of(entity_registry, entry, entry.entry_id) == {
        "sensor": BANK_KEYS,
        "binary_sensor": BANK_BINARY_KEYS,
    }


async def test_bank_that_grows(
    hass: HomeAssistant, air: FakeAir, entity_registry: er.EntityRegistry
) -> None:
    """With its second battery a bank shows its values, but none that the user disabled."""
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    of_battery = shown_of(entity_registry, entry, f"{DONGLE.lower()}_48")
    unwanted = entity_id(hass, "sensor", f"{entry.entry_id}_voltage")
    assert unwanted is not None
    entity_registry.async_update_entity(
        unwanted, disabled_by=er.RegistryEntryDisabler.USER
    )
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(
        entry, subentry, data=link_settings(units=(48, 49)).as_subentry().data
    )
    await settle(hass)
    await hass.config_entries.async_reload(entry.entry_id)
    await settle(hass)
    assert shown_of(entity_registry, entry, entry.entry_id) == {
        **BANK_SHOWN,
        None: (BANK_SHOWN[None] or set()) - {"voltage"},
    }
    assert shown_of(entity_registry, entry, f"{DONGLE.lower()}_48") == of_battery
    assert bank_state(hass, entry, "batteries_responding").state == "2"


@pytest.mark.parametrize("units", [(48,), (48, 49)])
async def test_what_was_enabled_stays_enabled(
    hass: HomeAssistant,
    air: FakeAir,
    entity_registry: er.EntityRegistry,
    units: tuple[int, ...],
) -> None:
    """What an earlier version enabled, or the user, is still shown, whatever is off by now."""
    air.bring(FakeLink({unit: rbt50lfp48s() for unit in units}))
    entry = bank_entry(link_settings(units=units))
    entry.add_to_hass(hass)
    battery = f"{DONGLE.lower()}_48"
    before = {
        entity_registry.async_get_or_create(
            "sensor", "renogy_bt", f"{owner}_{key}", config_entry=entry
        ).entity_id
        for owner, keys in (
            (battery, BATTERY_KEYS),
            (entry.entry_id, BANK_KEYS),
            (DONGLE.lower(), {"last_poll_duration", "last_poll_served_by"}),
        )
        for key in keys
    }
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle(hass)
    assert {
        each for each in before if entity_registry.entities[each].disabled_by
    } == set()
    assert before <= set(hass.states.async_entity_ids("sensor"))


BATTERY_VALUES: dict[str, Any] = {
    "state_of_charge": 99.7,
    "voltage": 52.4,
    "current": -2.5,
    "power": -131.0,
    "remaining_capacity": 49.842,
    "total_capacity": 50.0,
    "stored_energy": 2.612,
    "cycles": 41,
    "temperature": 13.5,
    "temperature_min": 13.0,
    "temperature_max": 14.0,
    "cell_voltage_1": 3.4,
    "cell_voltage_10": 3.5,
    "cell_temperature_15": 14.0,
    "cell_voltage_min": 3.4,
    "cell_voltage_max": 3.5,
    "cell_voltage_spread": 0.1,
    "board_temperature": 18.1,
    "environment_temperature_1": 18.6,
    "heater_temperature_1": 9.5,
    "charge_voltage_limit": 55.5,
    "discharge_voltage_limit": 37.5,
    "charge_current_limit": 50.0,
    "discharge_current_limit": -100.0,
    "alarms": 0,
    "link_quality": 100,
    "capacity_health": 100.0,
    "cell_over_voltage_threshold": 3.7,
    "cell_under_voltage_threshold": 2.5,
    "module_over_voltage_threshold": 55.5,
    "module_under_voltage_threshold": 37.5,
    "charge_over_temperature_threshold": 55.0,
    "charge_under_temperature_threshold": 0.0,
    "discharge_over_temperature_threshold": 60.0,
    "discharge_under_temperature_threshold": -20.0,
}


@pytest.mark.usefixtures("all_enabled")
async def test_values_of_a_battery(hass: HomeAssistant, air: FakeAir) -> None:
    """Every entity of a battery says what its registers say."""
    air.bring(FakeLink({48: rbt50lfp48s(current=-250)}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    for key, value in BATTERY_VALUES.items():
        state = battery_state(hass, key).state
        assert float(state) == value, key
    assert battery_state(hass, "charging_state").state == "discharging"
    reading = bank_of(entry).data.readings[DONGLE, 48]
    assert battery_state(hass, "last_read").state == reading.read_at.isoformat(
        timespec="seconds"
    )
    binary = {
        key: battery_state(hass, key, platform="binary_sensor").state
        for key in BATTERY_BINARY_KEYS
    }
    assert binary == {
        "charging": STATE_OFF,
        "problem": STATE_OFF,
        "charge_mosfet": STATE_ON,
        "discharge_mosfet": STATE_ON,
        "heater": STATE_OFF,
        "fully_charged": STATE_ON,
        **dict.fromkeys(PROTECTION_KEYS, STATE_OFF),
    }


@pytest.mark.usefixtures("all_enabled")
async def test_protections_of_a_battery(hass: HomeAssistant, air: FakeAir) -> None:
    """A protection that acted is on beside the summary; its neighbours are not."""
    battery = rbt50lfp48s()
    battery.put(5106, [1 << 6 | 1 << 10])
    air.bring(FakeLink({48: battery}))
    await set_up(hass, bank_entry(link_settings(units=(48,))))
    on = {
        key
        for key in BATTERY_BINARY_KEYS
        if battery_state(hass, key, platform="binary_sensor").state == STATE_ON
    }
    assert on & PROTECTION_KEYS == {
        "over_voltage_protection",
        "over_current_protection",
    }
    assert "problem" in on


def _classes(*names: str) -> tuple[str | None, str | None, str | None]:
    device_class, unit, state_class = (None if name == "-" else name for name in names)
    return device_class, unit, state_class


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("key", "classes", "precision"),
    [
        ("state_of_charge", _classes("battery", "%", "measurement"), 1),
        ("voltage", _classes("voltage", "V", "measurement"), 1),
        ("current", _classes("current", "A", "measurement"), 2),
        ("power", _classes("power", "W", "measurement"), 0),
        ("stored_energy", _classes("energy_storage", "kWh", "measurement"), 2),
        ("remaining_capacity", _classes("-", "Ah", "measurement"), 1),
        ("cycles", _classes("-", "-", "total_increasing"), None),
        ("temperature", _classes("temperature", "°C", "measurement"), 1),
        ("cell_voltage_1", _classes("voltage", "V", "measurement"), 1),
        ("cell_voltage_spread", _classes("voltage", "V", "measurement"), 1),
        ("charging_state", _classes("enum", "-", "-"), None),
        ("link_quality", _classes("-", "%", "measurement"), 0),
        ("last_read", _classes("timestamp", "-", "-"), None),
    ],
)
async def test_how_values_are_shown(
    hass: HomeAssistant,
    air: FakeAir,
    entity_registry: er.EntityRegistry,
    key: str,
    classes: tuple[str | None, ...],
    precision: int | None,
) -> None:
    """Device classes, units, state classes and precisions are those that dashboards expect."""
    air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    attributes = battery_state(hass, key).attributes
    assert (
        attributes.get("device_class"),
        attributes.get("unit_of_measurement"),
        attributes.get("state_class"),
    ) == classes
    found = entity_id(hass, "sensor", f"{DONGLE.lower()}_48_{key}")
    assert found is not None
    registered = entity_registry.async_get(found)
    assert registered is not None
    options: Mapping[str, Any] = registered.options.get("sensor", {})
    assert options.get("suggested_display_precision") == precision


@pytest.mark.usefixtures("all_enabled")
async def test_entities_are_named_by_their_device_and_what_they_are(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Entities carry the name of their device and what they are, numbered ones their number."""
    air.bring(four_batteries())
    entry = bank_entry(link_settings())
    await set_up(hass, entry)
    names = {
        key: battery_state(hass, key, 49).name
        for key in ("voltage", "cell_voltage_7", "heater_temperature_1")
    }
    assert names == {
        "voltage": "RBT50LFP48S 2 Voltage",
        "cell_voltage_7": "RBT50LFP48S 2 Cell voltage 7",
        "heater_temperature_1": "RBT50LFP48S 2 Heater temperature 1",
    }
    assert bank_state(hass, entry, "state_of_charge").name == (
        "Battery bank State of charge"
    )


async def test_alarms_are_counted_and_named(hass: HomeAssistant, air: FakeAir) -> None:
    """An alarm is counted, named in an attribute, and makes the battery and bank a problem."""
    battery = rbt50lfp48s()
    battery.put(5106, [0x000E | 1 << 9])
    air.bring(FakeLink({48: battery, 49: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    state = battery_state(hass, "alarms")
    assert state.state == "1"
    assert state.attributes["active"] == ["charge_over_current"]
    assert state.attributes["described"] == [
        "Charge over-current. Protection. Charge the battery with less current."
    ]
    assert battery_state(hass, "problem", platform="binary_sensor").state == STATE_ON
    assert battery_state(hass, "alarms", 49).attributes["active"] == []
    assert battery_state(hass, "problem", 49, platform="binary_sensor").state == (
        STATE_OFF
    )
    assert bank_state(hass, entry, "problem", "binary_sensor").state == STATE_ON


@pytest.mark.usefixtures("all_enabled")
async def test_charging_battery(hass: HomeAssistant, air: FakeAir) -> None:
    """A battery that takes current is charging."""
    air.bring(FakeLink({48: rbt50lfp48s(current=1250)}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    assert battery_state(hass, "charging", platform="binary_sensor").state == STATE_ON
    assert battery_state(hass, "charging_state").state == "charging"
    assert battery_state(hass, "power").state == "655.0"


@pytest.mark.usefixtures("all_enabled")
async def test_one_odd_word_makes_one_value_unknown(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Words that cannot be true show as unknown, and everything else as it is."""
    battery = rbt50lfp48s()
    air.bring(FakeLink({48: battery}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    battery.put(5018, [0x8000, 150])
    battery.put(5036, [0xFFFF])
    battery.put(5048, [20_001, 5550])
    await next_poll(hass)
    states = {
        key: battery_state(hass, key).state
        for key in (
            *("cell_temperature_1", "cell_temperature_2", "temperature_min"),
            *("environment_temperature_1", "heater_temperature_1", "cycles"),
            *("charge_voltage_limit", "discharge_voltage_limit", "voltage"),
        )
    }
    assert states == {
        "cell_temperature_1": STATE_UNKNOWN,
        "cell_temperature_2": "15.0",
        "temperature_min": "13.0",
        "environment_temperature_1": STATE_UNKNOWN,
        "heater_temperature_1": "9.5",
        "cycles": STATE_UNKNOWN,
        "charge_voltage_limit": STATE_UNKNOWN,
        "discharge_voltage_limit": "37.5",
        "voltage": "52.4",
    }
    assert bank_state(hass, entry, "temperature_min").state == "13.0"


@pytest.mark.usefixtures("all_enabled")
async def test_battery_that_does_not_tell_everything(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """What a battery does not let be read is unknown, the rest is there."""
    battery = rbt50lfp48s()
    battery.put(5035, [0])
    battery.readable = ((5000, 5033), (5035, 5052))
    air.bring(FakeLink({48: battery}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    assert battery_state(hass, "voltage").state == "52.4"
    assert battery_state(hass, "board_temperature").state == STATE_UNKNOWN
    assert battery_state(hass, "alarms").state == STATE_UNKNOWN
    for key in ("heater", "problem", "charge_mosfet"):
        state = battery_state(hass, key, platform="binary_sensor")
        assert state.state == STATE_UNKNOWN


def _fewer_temperatures(battery: FakeBattery) -> None:
    battery.put(5017, [3])


def _more_temperatures(battery: FakeBattery) -> None:
    battery.put(5017, [16, *[150] * 16])


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("change", "gone", "added"),
    [
        pytest.param(_fewer_temperatures, "cell_temperature_15", None, id="fewer"),
        pytest.param(_more_temperatures, None, "cell_temperature_16", id="more"),
    ],
)
async def test_number_of_sensors_changes(
    hass: HomeAssistant,
    air: FakeAir,
    change: Callable[[FakeBattery], None],
    gone: str | None,
    added: str | None,
) -> None:
    """A sensor that is no longer read is unknown, one that appears gets its entity."""
    battery = rbt50lfp48s()
    air.bring(FakeLink({48: battery}))
    entry = bank_entry(link_settings(units=(48,)))
    await set_up(hass, entry)
    change(battery)
    await next_poll(hass)
    if gone:
        assert battery_state(hass, gone).state == STATE_UNKNOWN
    if added:
        assert entity_id(hass, "sensor", f"{DONGLE.lower()}_48_{added}")


@pytest.mark.usefixtures("all_enabled")
async def test_weakest_battery_has_the_users_name(
    hass: HomeAssistant, air: FakeAir, device_registry: dr.DeviceRegistry
) -> None:
    """The battery that limits the bank is named as its device is, by the user in the end."""
    air.bring(FakeLink({48: rbt50lfp48s(), 49: rbt50lfp48s(remaining=20_000)}))
    entry = bank_entry(link_settings(units=(48, 49)))
    await set_up(hass, entry)
    assert bank_state(hass, entry, "weakest_battery").state == "RBT50LFP48S 2"
    device = device_registry.async_get_device_by_identifier(
        ("renogy_bt", f"{DONGLE.lower()}_49"), entry.entry_id
    )
    assert device is not None
    device_registry.async_update_device(device.id, name_by_user="Cellar, left")
    await next_poll(hass)
    assert bank_state(hass, entry, "weakest_battery").state == "Cellar, left"
    device_registry.async_remove_device(device.id)
    await next_poll(hass)
    assert bank_state(hass, entry, "weakest_battery").state == "RBT50LFP48S 2"


async def test_bank_in_series(hass: HomeAssistant, air: FakeAir) -> None:
    """In series voltages add up and currents do not."""
    air.bring(FakeLink({48: rbt50lfp48s(current=100), 49: rbt50lfp48s(current=100)}))
    entry = bank_entry(link_settings(units=(48, 49)), wiring="series")
    await set_up(hass, entry)
    assert bank_state(hass, entry, "voltage").state == "104.8"
    assert bank_state(hass, entry, "current").state == "1.0"
    assert bank_state(hass, entry, "total_capacity").state == "50.0"


@given(st.floats(0, 7 * 24 * 3600))
def test_times_are_shown_in_steps(seconds: float) -> None:
    """A time left is off by no more than half a minute, or 1.5 % of it."""
    hours = rough_time(seconds)
    assert hours is not None
    shown = round(3600 * hours, 6)
    assert abs(shown - seconds) <= max(30, 0.015 * seconds)
    assert shown % 60 == 0


def test_a_time_that_is_not_known() -> None:
    """Unknown stays unknown."""
    assert rough_time(None) is None


def _described(**known: Any) -> MeasuredDescription:
    return MeasuredDescription(key="value", **known)


@given(st.floats(0, 1e9), st.floats(0, 1e6))
def test_a_total_never_falls_by_rounding(total: float, more: float) -> None:
    """What is shown of a total is there already, to the last digit, and only rises."""
    description = _described(digits=0, state_class=SensorStateClass.TOTAL_INCREASING)
    shown, later = description.known(total), description.known(total + more)
    assert isinstance(shown, float)
    assert isinstance(later, float)
    assert total - 1 < shown <= total
    assert later >= shown


@pytest.mark.parametrize(
    ("digits", "value", "shown"),
    [
        (1, 99.684, "99.7"),
        (1, -0.04, "0.0"),
        (1, -0.06, "-0.1"),
        (3, 49.8421, "49.842"),
        (0, 99.6, "100"),
        (0, -0.4, "0"),
        (None, 1.23456, "1.23456"),
        (1, None, "None"),
        (1, 7, "7"),
    ],
)
def test_digits_that_tell_something(
    digits: int | None, value: float | None, shown: str
) -> None:
    """A value has no more digits than are known, and none is minus zero."""
    assert str(_described(digits=digits).known(value)) == shown


@pytest.mark.usefixtures("all_enabled")
@pytest.mark.parametrize(
    ("family", "name", "cells", "shown", "cell_digits", "current_digits"),
    [
        ("standard", DONGLE_NAME, [34, 35], ("3.4", "0.1", "-2.5"), 1, 2),
        ("rngc", "RNGC122BAT28000194", [3500, 3493], ("3.5", "0.007", "-25.0"), 3, 1),
    ],
)
async def test_digits_of_the_families(
    hass: HomeAssistant,
    air: FakeAir,
    entity_registry: er.EntityRegistry,
    family: str,
    name: str,
    cells: list[int],
    shown: tuple[str, ...],
    cell_digits: int,
    current_digits: int,
) -> None:
    """A battery that tells millivolts shows them; one that tells tenths of a volt shows no more."""
    battery = rbt50lfp48s(current=-250)
    battery.put(5001, [cells[0], *[cells[1]] * 14])
    air.bring(FakeLink({48: battery}), name=name)
    link = replace(link_settings(name=name, units=(48,)), family_key=family)
    entry = bank_entry(link)
    await set_up(hass, entry)
    keys = ("cell_voltage_1", "cell_voltage_spread", "current")
    assert tuple(battery_state(hass, key).state for key in keys) == shown
    digits: dict[str, Any] = {}
    for key in (*keys, "cell_voltage_min"):
        for owner in (f"{DONGLE.lower()}_48", entry.entry_id):
            found = entity_id(hass, "sensor", f"{owner}_{key}")
            if found is not None:
                options = entity_registry.entities[found].options["sensor"]
                digits.setdefault(key, set()).add(
                    options["suggested_display_precision"]
                )
    of_cells = ("cell_voltage_1", "cell_voltage_spread", "cell_voltage_min")
    assert digits == {
        **{key: {cell_digits} for key in of_cells},
        "current": {current_digits},
    }
