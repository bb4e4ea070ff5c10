# SPDX-License-Identifier: Apache-2.0
"""A current whose scale is not known, and one that is not what its name says, over hours."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.renogy_bt.const import DOMAIN
from custom_components.renogy_bt.diagnostics import async_get_config_entry_diagnostics
from custom_components.renogy_bt.links.settings import KnownBattery, LinkSettings
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.banks import bank_entry, bank_state, battery_state, link_id, settle
from tests.emulator import World, load_world
from tests.emulator.__main__ import WORLDS
from tests.emulator.devices import Battery
from tests.flows.walk import Flow

from .conftest import still
from .integration import heard
from .warped_time import Clock

pytestmark = pytest.mark.usefixtures("all_enabled")

HOUR = 3600.0
UNKNOWN, MISLABELLED = "60:98:66:00:4F:20", "60:98:66:00:4F:30"
UNIT = 48
COUNTS = 10
"""Both batteries count tenths of an ampere; the name of the second one says hundredths."""
CAPACITY = 100.0
# Amperes from a moment on, in hours; the counter follows them.
CURRENTS = ((0.0, -24.0), (0.8, 9.0), (3.0, -24.0), (4.0, 9.0))
RESTING = (
    *("current", "power", "energy_charged", "energy_discharged"),
    *("time_to_full", "time_to_empty"),
)


def current_at(hours: float) -> float:
    """Return the current at a moment."""
    return next(current for begins, current in reversed(CURRENTS) if begins <= hours)


def flowed_until(hours: float) -> float:
    """Return the charge that has flowed, in Ah."""
    ends = (*(begins for begins, _ in CURRENTS[1:]), float("inf"))
    return sum(
        current * max(min(hours, end) - begins, 0.0)
        for (begins, current), end in zip(CURRENTS, ends, strict=True)
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return two batteries with built-in Bluetooth whose charge moves."""
    world = still(load_world(WORLDS / "families.json"))
    model = world.links[0]
    assert model.name.startswith("RNGRBP")

    def registers(self: Battery) -> Mapping[int, int]:
        hours = self._elapsed() / HOUR
        remaining = round(1000 * (70 + flowed_until(hours)))
        return {
            **self._unit.registers,
            5042: round(COUNTS * current_at(hours)) & 0xFFFF,
            5044: remaining >> 16,
            5045: remaining & 0xFFFF,
            5046: round(1000 * CAPACITY) >> 16,
            5047: round(1000 * CAPACITY) & 0xFFFF,
        }

    monkeypatch.setattr(Battery, "registers", registers)
    links = (
        replace(model, name="RNGUSBAT40000001", address=UNKNOWN),
        replace(model, name="RNGPRO125BAT-00000001", address=MISLABELLED),
    )
    return replace(world, links=links)


def stored_link(address: str, name: str, family: str) -> LinkSettings:
    """Return a link as it was set up."""
    return LinkSettings(
        address=address,
        name=name,
        family_key=family,
        batteries=(KnownBattery(unit=UNIT, model=None, cells=4),),
    )


async def started(hass: HomeAssistant, clock: Clock) -> MockConfigEntry:
    """Set up both batteries as one bank, and wait for their first values."""
    assert await async_setup_component(hass, "repairs", {})
    entry = bank_entry(
        stored_link(UNKNOWN, "RNGUSBAT40000001", "rngusbat"),
        stored_link(MISLABELLED, "RNGPRO125BAT-00000001", "rngpro125bat"),
    )
    await heard(hass, UNKNOWN, MISLABELLED)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await clock.until(lambda: is_shown(hass, "voltage", UNKNOWN), 60)
    await clock.until(lambda: is_shown(hass, "voltage", MISLABELLED), 60)
    return entry


def is_shown(hass: HomeAssistant, key: str, address: str) -> bool:
    """Tell whether a battery shows a value."""
    return battery_state(hass, key, UNIT, address).state not in {
        STATE_UNKNOWN,
        "unavailable",
    }


def value(hass: HomeAssistant, key: str, address: str) -> float:
    """Return a value of a battery."""
    return float(battery_state(hass, key, UNIT, address).state)


def notice(hass: HomeAssistant, kind: str, address: str) -> ir.IssueEntry | None:
    """Return a notice about the scale of a battery's current."""
    issue_id = f"{kind}_{link_id(address)}-{UNIT}"
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


def scale_of(entry: MockConfigEntry, address: str) -> Any:
    """Return what is stored of the scale of a battery's current."""
    (subentry,) = (
        each for each in entry.subentries.values() if each.unique_id == address
    )
    return subentry.data["units"][0].get("current_scale")


async def repair(hass: HomeAssistant, issue: ir.IssueEntry) -> Flow:
    """Open the dialogue of a notice."""
    manager = repairs_flow_manager(hass)
    assert manager is not None
    return await Flow(hass, manager).begin(DOMAIN, "user", issue_id=issue.issue_id)


async def test_a_scale_that_nobody_has_proven_is_measured(
    hass: HomeAssistant, clock: Clock
) -> None:
    """Nothing that rests on it is shown before; then it is stored, and the notice gone."""
    entry = await started(hass, clock)
    for key in RESTING:
        assert not is_shown(hass, key, UNKNOWN), key
        assert bank_state(hass, entry, key).state == STATE_UNKNOWN, key
    assert battery_state(hass, "charging_state", UNIT, UNKNOWN).state == "discharging"
    assert is_shown(hass, "state_of_charge", UNKNOWN)
    assert value(hass, "current", MISLABELLED) == -2.4
    assert notice(hass, "current_scale_unknown", UNKNOWN) is not None
    assert notice(hass, "current_scale_unknown", MISLABELLED) is None

    took = await clock.until(lambda: is_shown(hass, "current", UNKNOWN), HOUR)

    assert took >= 0.5 * HOUR
    assert value(hass, "current", UNKNOWN) == 9.0
    assert value(hass, "energy_discharged", UNKNOWN) == 0
    assert notice(hass, "current_scale_unknown", UNKNOWN) is None
    assert scale_of(entry, UNKNOWN) == {"divisor": 10, "source": "measured"}
    await hass.config_entries.async_reload(entry.entry_id)
    await clock.until(lambda: is_shown(hass, "voltage", UNKNOWN), 60)
    assert value(hass, "current", UNKNOWN) == 9.0
    assert notice(hass, "current_scale_unknown", UNKNOWN) is None


async def test_a_battery_that_contradicts_its_name_is_repaired(
    hass: HomeAssistant, clock: Clock
) -> None:
    """It stops showing what is wrong, over a reload too, until the user has decided."""
    entry = await started(hass, clock)
    await clock.until(lambda: not is_shown(hass, "current", MISLABELLED), HOUR)
    await clock.until(
        lambda: notice(hass, "current_scale_contradicted", MISLABELLED), 60
    )
    for key in RESTING:
        assert not is_shown(hass, key, MISLABELLED), key
        assert bank_state(hass, entry, key).state == STATE_UNKNOWN, key
    assert scale_of(entry, MISLABELLED) == {"divisor": 10, "source": "contradicted"}
    await hass.config_entries.async_reload(entry.entry_id)
    await clock.until(lambda: is_shown(hass, "voltage", MISLABELLED), 60)
    assert not is_shown(hass, "current", MISLABELLED)
    diagnostics = await async_get_config_entry_diagnostics(hass, entry)
    shown = [link["batteries"][0]["current_scale"] for link in diagnostics["links"]]
    assert [each["table_divisor"] for each in shown] == [None, 100]

    issue = notice(hass, "current_scale_contradicted", MISLABELLED)
    assert issue is not None and issue.translation_placeholders is not None
    assert issue.translation_placeholders["step"] == "0.1"
    flow = await repair(hass, issue)
    flow.expect_form("scale")
    (marker,) = flow.step["data_schema"].schema
    assert marker.default() == "10"
    await flow.submit(divisor="10")
    await settle(hass)

    await clock.until(lambda: is_shown(hass, "current", MISLABELLED), 60)
    assert value(hass, "current", MISLABELLED) == 9.0
    assert notice(hass, "current_scale_contradicted", MISLABELLED) is None
    assert scale_of(entry, MISLABELLED) == {"divisor": 10, "source": "settled"}
    charged = value(hass, "energy_charged", MISLABELLED)
    await clock.until(
        lambda: value(hass, "energy_charged", MISLABELLED) > charged, 10 * 60
    )


async def test_the_users_word_is_enough(hass: HomeAssistant, clock: Clock) -> None:
    """The dialogue shows the current by either scale, and counts by the one that is chosen."""
    entry = await started(hass, clock)
    issue = notice(hass, "current_scale_unknown", UNKNOWN)
    assert issue is not None
    flow = await repair(hass, issue)
    flow.expect_form("scale")
    (field,) = flow.step["data_schema"].schema.values()
    labels = {each["value"]: each["label"] for each in field.config["options"]}
    assert labels == {"10": "-24.0 A", "100": "-2.40 A"}
    await flow.submit(divisor="10")
    await clock.until(lambda: is_shown(hass, "current", UNKNOWN), 60)
    assert value(hass, "current", UNKNOWN) == -24.0
    assert notice(hass, "current_scale_unknown", UNKNOWN) is None
    assert scale_of(entry, UNKNOWN) == {"divisor": 10, "source": "told"}
    await clock.until(
        lambda: bank_state(hass, entry, "current").state != STATE_UNKNOWN, 60
    )
    # The other battery is believed by its name still.
    assert float(bank_state(hass, entry, "current").state) == -26.4
