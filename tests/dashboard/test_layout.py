# SPDX-License-Identifier: Apache-2.0
"""Which cards a dashboard has, by what the registries say."""

from custom_components.renogy_bt.dashboard.layout import (
    SENSOR_NAMES,
    WORDS,
    Bank,
    Device,
    dashboard,
)

from .cards import cards_of, check_shape, entities_of, sections_of

TEXTS = {"read_ago": "{minutes} min", "no_values": "{battery} is silent"}
NAMES = {key: TEXTS.get(key, key) for key in (*WORDS, *SENSOR_NAMES)}
ADAPTER = Device("Adapter", {"sensor.adapter_state": "sensor.hci0"})


def battery(name: str, *keys: str) -> Device:
    """Return a battery with these sensors."""
    return Device(name, {f"sensor.{key}": f"sensor.{name}_{key}" for key in keys})


def test_only_battery_stands_for_the_bank() -> None:
    """What the bank of one battery does not show, its battery does, once."""
    only = battery("a", "state_of_charge", "power", "energy_charged")
    made = dashboard([Bank(Device("Van"), (only,))], [], NAMES)
    check_shape(made)
    tiles = [card["entity"] for card in cards_of(made) if card["type"] == "tile"]
    assert tiles == ["sensor.a_state_of_charge", "sensor.a_power"]
    assert made["title"] == made["views"][0]["title"] == "Van"


def test_bank_of_several_shows_itself_and_each_battery() -> None:
    """A bank that lacks a value does not borrow it of one of its batteries."""
    bank = Device("Bank", {"sensor.state_of_charge": "sensor.bank"})
    batteries = tuple(battery(name, "state_of_charge", "power") for name in "abc")
    made = dashboard([Bank(bank, batteries)], [], NAMES)
    check_shape(made)
    tiles = [card["entity"] for card in cards_of(made) if card["type"] == "tile"]
    assert tiles == [
        "sensor.bank",
        *(f"sensor.{name}_state_of_charge" for name in "abc"),
    ]
    headings = [card["heading"] for card in cards_of(made) if card["type"] == "heading"]
    assert headings == ["Bank", "batteries", "a", "b", "c", "history"]


def test_each_bank_has_a_view_with_the_adapters() -> None:
    """Banks of the same name have views of their own."""
    banks = [Bank(Device("Bank"), (battery(name, "state_of_charge"),)) for name in "ab"]
    made = dashboard(banks, [ADAPTER], NAMES)
    check_shape(made)
    assert made["title"] == "banks"
    for name, view in zip("ab", made["views"], strict=True):
        assert set(entities_of(view)) == {
            f"sensor.{name}_state_of_charge",
            "sensor.hci0",
        }


def test_nothing_is_made_of_nothing() -> None:
    """A bank whose entities are all disabled has a view without sections."""
    made = dashboard([Bank(Device("Bank"), (Device("a"), Device("b")))], [], NAMES)
    check_shape(made)
    assert list(sections_of(made)) == []
