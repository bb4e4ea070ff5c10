# SPDX-License-Identifier: Apache-2.0
"""The action that returns a dashboard: every entity that it names is there and enabled."""

from datetime import timedelta
import re
from typing import Any

from freezegun import freeze_time
from probatio import Invalid
import pytest

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity_registry import (
    RegistryEntryDisabler,
    RegistryEntryHider,
)
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.banks import (
    bank_entry,
    battery_state,
    entity_id,
    link_settings,
    next_poll,
    poll_links,
    set_up,
    settle,
)
from tests.fake_air import DONGLE, DONGLE_NAME, FakeAir
from tests.fake_supervisor import FakeAdapters, adapter_status
from tests.renogy.fake_link import FakeLink, rbt50lfp48s

from .cards import cards_of, check_shape, entities_of

OTHER = "6C:B2:FD:A1:B2:C4"
THIRD = "6C:B2:FD:A1:B2:C5"
BUILT_IN = "60:98:66:00:4F:10"
NAMES = {BUILT_IN: "RNGRBP12200004F1"}

type Links = dict[str, tuple[int, ...]]

HUB = (48, 49, 50, 51)
WORLDS: dict[str, list[Links]] = {
    "one": [{DONGLE: (48,)}],
    "one with Bluetooth built in": [{BUILT_IN: (255,)}],
    "two": [{DONGLE: (48, 49)}],
    "four": [{DONGLE: HUB}],
    "nine behind three links": [{DONGLE: HUB, OTHER: HUB, THIRD: (33,)}],
    "two banks": [{DONGLE: HUB}, {OTHER: (48,), BUILT_IN: (255,)}],
}


async def create(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action."""
    made = await hass.services.async_call(
        DOMAIN, "create_dashboard", data, blocking=True, return_response=True
    )
    assert isinstance(made, dict)
    return made


async def bring(hass: HomeAssistant, air: FakeAir, banks: list[Links]) -> None:
    """Set up banks of these links."""
    for number, links in enumerate(banks):
        for address, units in links.items():
            name = NAMES.get(address, DONGLE_NAME)
            air.bring(FakeLink({unit: rbt50lfp48s() for unit in units}), address, name)
        settings = [
            link_settings(address, NAMES.get(address, DONGLE_NAME), units)
            for address, units in links.items()
        ]
        await set_up(hass, bank_entry(*settings, title=f"Bank {number}"))


def wrong_entities(hass: HomeAssistant, made: dict[str, Any]) -> set[str]:
    """Return what a dashboard names that has no state, or that is hidden."""
    registry = er.async_get(hass)
    return {
        each
        for each in entities_of(made)
        if hass.states.get(each) is None
        or (entry := registry.async_get(each)) is None
        or entry.hidden_by
    }


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("is_all_enabled", [False, True])
async def test_every_entity_is_there(
    hass: HomeAssistant,
    air: FakeAir,
    adapters: FakeAdapters,
    world: str,
    is_all_enabled: bool,
    request: pytest.FixtureRequest,
) -> None:
    """Whatever is set up, no entity is named that is not there, and each battery is shown."""
    if is_all_enabled:
        request.getfixturevalue("all_enabled")
    adapters.show(adapter_status())
    await bring(hass, air, WORLDS[world])
    made = await create(hass)
    check_shape(made)
    assert wrong_entities(hass, made) == set()
    assert len(made["views"]) == len(WORLDS[world])
    for view, links in zip(made["views"], WORLDS[world], strict=True):
        named = set(entities_of(view))
        for address, units in links.items():
            for unit in units:
                key = f"{address.lower()}_{unit}_state_of_charge"
                assert entity_id(hass, "sensor", key) in named
        assert "sensor.bluetooth_adapter_00_1a_7d_da_71_13_state" in named


async def test_names_and_choices_of_the_owner_count(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Renamed entities are found, disabled and hidden ones left out, devices called as named."""
    await bring(hass, air, WORLDS["two"])
    registry, devices = er.async_get(hass), dr.async_get(hass)
    link = DONGLE.lower()
    charge, current, other = (
        entity_id(hass, "sensor", f"{link}_{key}")
        for key in ("48_state_of_charge", "48_current", "49_state_of_charge")
    )
    assert charge
    assert current
    assert other
    registry.async_update_entity(charge, new_entity_id="sensor.fridge")
    registry.async_update_entity(current, disabled_by=RegistryEntryDisabler.USER)
    registry.async_update_entity(other, hidden_by=RegistryEntryHider.USER)
    device = registry.entities["sensor.fridge"].device_id
    assert device
    devices.async_update_device(device, name_by_user="Fridge {{ 1 }}")
    await settle(hass)
    made = await create(hass)
    named = set(entities_of(made))
    assert "sensor.fridge" in named
    assert named.isdisjoint({charge, current, other})
    assert wrong_entities(hass, made) == set()
    headings = [card["heading"] for card in cards_of(made) if card["type"] == "heading"]
    assert "Fridge {{ 1 }}" in headings


async def test_age_of_the_values_is_told(hass: HomeAssistant, air: FakeAir) -> None:
    """The template tells the minutes since the last poll, and which battery is silent."""
    await bring(hass, air, WORLDS["two"])
    made = await create(hass, language="de")
    content = next(card["content"] for card in cards_of(made) if "content" in card)
    template = Template(content, hass)
    assert template.async_render() == "Zuletzt ausgelesen: vor 0 min"
    with freeze_time(dt_util.utcnow() + timedelta(seconds=150)):
        assert template.async_render() == "Zuletzt ausgelesen: vor 2 min"
    del air.links[DONGLE].units[49]
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await poll_links(entry)
    await settle(hass)
    shown = template.async_render()
    assert shown.split("\n\n") == [
        "Zuletzt ausgelesen: vor 0 min",
        "**RBT50LFP48S 2** hat keine Werte",
    ]


async def test_held_values_are_as_old_as_they_are(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """Failed polls that leave the last values on show do not make these younger."""
    link = air.bring(FakeLink({48: rbt50lfp48s()}))
    entry = bank_entry(link_settings(units=(48,)), failed_polls=10)
    await set_up(hass, entry)
    made = await create(hass, language="en")
    content = next(card["content"] for card in cards_of(made) if "content" in card)
    read = battery_state(hass, "voltage").last_reported
    link.unreachable = "not in range"
    for _ in range(3):
        await poll_links(entry)
        await settle(hass)
    with freeze_time(read + timedelta(seconds=60)):
        assert Template(content, hass).async_render() == "Last read 1 min ago"


async def test_a_name_begins_nothing_in_a_card(
    hass: HomeAssistant, air: FakeAir
) -> None:
    """A model comes from the air: Markdown and templates in it are shown as they are."""
    name = r"""![x](//host/p) <img src='//h'> `a` "b" **c** {{ 1 }} www.h.org a_b \ -"""
    await bring(hass, air, WORLDS["two"])
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, f"{DONGLE.lower()}_49"),
        hass.config_entries.async_entries(DOMAIN)[0].entry_id,
    )
    assert device
    dr.async_get(hass).async_update_device(device.id, name_by_user=name)
    made = await create(hass)
    content = next(card["content"] for card in cards_of(made) if "content" in card)
    del air.links[DONGLE].units[49]
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    for _ in range(3):
        await poll_links(entry)
        await settle(hass)
    shown = Template(content, hass).async_render().split("\n\n")[1]
    inner = shown.removeprefix("**").rpartition("**")[0]
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", inner) == name
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|!#~&/]", inner)


async def test_alarms_are_shown_in_words(hass: HomeAssistant, air: FakeAir) -> None:
    """The card of a battery is seen while it has an alarm, and has the words of each."""
    await bring(hass, air, WORLDS["two"])
    name = 'Cabin <b>"1"</b>'
    registry, devices = er.async_get(hass), dr.async_get(hass)
    problem = entity_id(hass, "binary_sensor", f"{DONGLE.lower()}_49_problem")
    assert problem
    device = registry.entities[problem].device_id
    assert device
    devices.async_update_device(device, name_by_user=name)
    made = await create(hass)
    (card,) = (
        card
        for card in cards_of(made)
        if card.get("visibility", [{}])[0].get("entity") == problem
        and card["type"] == "markdown"
    )
    assert card["visibility"][0]["state"] == "on"
    template = Template(card["content"], hass)
    title = "Cabin &lt;b&gt;&#34;1&#34;&lt;/b&gt;"
    around = f'<ha-alert alert-type="error" title="{title}">', "</ha-alert>"
    assert template.async_render() == "".join(around)
    air.links[DONGLE].units[49].put(5106, [0x000F | 1 << 9])
    await next_poll(hass)
    assert template.async_render() == (
        f"{around[0]}Charge over-current. Protection. Charge the battery with less "
        "current.<br>Short circuit. Protection. Disconnect everything from the battery, "
        f"and look for the short circuit before you connect it again.{around[1]}"
    )


@pytest.mark.parametrize(
    ("language", "heading"),
    [("de", "Batterien"), ("nl", "Accu's"), ("it", "Batterie"), ("fi", "Batteries")],
)
async def test_headings_are_in_the_language_asked_for(
    hass: HomeAssistant, air: FakeAir, language: str, heading: str
) -> None:
    """Headings are in the language asked for, else in Home Assistant's; English fills in."""
    await bring(hass, air, WORLDS["two"])
    for made in (await create(hass, language=language), await _in(hass, language)):
        headings = [each["heading"] for each in cards_of(made) if "heading" in each]
        assert heading in headings


async def _in(hass: HomeAssistant, language: str) -> dict[str, Any]:
    hass.config.language = language
    return await create(hass)


async def test_language_that_there_is_not(hass: HomeAssistant, air: FakeAir) -> None:
    """What is no language is refused: it would become part of a path."""
    assert await async_setup_component(hass, DOMAIN, {})
    with pytest.raises(Invalid):
        await create(hass, language="../../en")


async def test_disabled_bank_is_left_out(hass: HomeAssistant, air: FakeAir) -> None:
    """Without a bank that is enabled there is nothing to show, and the error says so."""
    await bring(hass, air, WORLDS["one"])
    (entry,) = hass.config_entries.async_entries(DOMAIN)
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    with pytest.raises(ServiceValidationError, match="Set up a bank first"):
        await create(hass)
