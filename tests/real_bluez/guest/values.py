# SPDX-License-Identifier: Apache-2.0
"""Whether what Home Assistant shows is what stands in the batteries' registers."""

from collections.abc import Iterator, Mapping
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from tests.emulator.world import Link

from .home_assistant import DOMAIN

_CELL_VOLTAGES: Final = 5001
_CELL_TEMPERATURES: Final = 5018
_CURRENT: Final = 5042
_VOLTAGE: Final = 5043
_REMAINING: Final = 5044
_CAPACITY: Final = 5046
_CELLS: Final = range(1, 5)
_HALF_OF_THE_LAST_DIGIT: Final = 0.051
"""Home Assistant rounds what it shows."""


def _long(registers: Mapping[int, int], address: int) -> int:
    return registers[address] << 16 | registers[address + 1]


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _expected(registers: Mapping[int, int]) -> dict[str, float]:
    """Return values by the end of their unique id, as the protocol's documentation has them."""
    return {
        "voltage": registers[_VOLTAGE] / 10,
        "current": _signed(registers[_CURRENT]) / 100,
        "remaining_capacity": _long(registers, _REMAINING) / 1000,
        "total_capacity": _long(registers, _CAPACITY) / 1000,
        **{
            f"cell_voltage_{cell}": registers[_CELL_VOLTAGES + cell - 1] / 10
            for cell in _CELLS
        },
        **{
            f"cell_temperature_{cell}": registers[_CELL_TEMPERATURES + cell - 1] / 10
            for cell in _CELLS
        },
    }


def shown_of(link: Link) -> tuple[str, ...]:
    """Return the sensors of each battery that are compared."""
    return tuple(_expected(next(iter(link.units.values())).registers))


def wrong_values(hass: HomeAssistant, link: Link) -> Iterator[str]:
    """Yield what is shown of a battery and is another value, or is not shown at all."""
    registry = er.async_get(hass)
    for number, unit in link.units.items():
        for key, value in _expected(unit.registers).items():
            unique_id = f"{link.address.lower()}_{number}_{key}"
            entity_id = registry.async_get_entity_id("sensor", DOMAIN, unique_id)
            state = None if entity_id is None else hass.states.get(entity_id)
            shown = "nothing" if state is None else state.state
            try:
                is_right = abs(float(shown) - value) <= _HALF_OF_THE_LAST_DIGIT
            except ValueError:
                is_right = False
            if not is_right:
                yield f"{number} {key}: {shown}, not {value}"
