# SPDX-License-Identifier: Apache-2.0
"""What a battery's registers mean (protocol 1.5), told independently of any decoder.

Values go by names that all systems are translated to; a list is one value per element.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

type Value = float | str | bool
type Values = Mapping[str, Value]

_WARNINGS: Final = {1 << 4: "charge_low_temperature", 1 << 1: "cell_high_voltage"}

# Systems round what they derive; a stale value is further off than this.
_TOLERANCES: Final = {"power": 0.002, "state_of_charge": 0.0501}
_ROUNDING: Final = 1e-6


ELECTRICAL: Final = (
    *("current", "voltage", "power"),
    *("remaining_capacity", "total_capacity", "state_of_charge"),
)
"""What is read alone where the rest is read at a slower pace."""


def truth_of(registers: Mapping[int, int]) -> dict[str, Value]:
    """Return every value that a system may publish of a battery."""
    current, voltage = _signed(registers[5042]) / 100, registers[5043] / 10
    remaining, total = _long(registers, 5044) / 1000, _long(registers, 5046) / 1000
    status_1, status_2 = registers[5106], registers[5107]
    return {
        "cell_count": registers[5000],
        **dict(_series("cell_voltage", registers, 5001, registers[5000])),
        "cell_temperature_count": registers[5017],
        **dict(_series("cell_temperature", registers, 5018, registers[5017])),
        "board_temperature": _signed(registers[5035]) / 10,
        **dict(_series("environment_temperature", registers, 5037, registers[5036])),
        **dict(_series("heater_temperature", registers, 5040, registers[5039])),
        "current": current,
        "voltage": voltage,
        "power": voltage * current,
        "remaining_capacity": remaining,
        "total_capacity": total,
        "state_of_charge": 100 * remaining / total,
        "cycles": registers[5048],
        "charge_voltage_limit": registers[5049] / 10,
        "discharge_voltage_limit": registers[5050] / 10,
        "charge_current_limit": registers[5051] / 100,
        "discharge_current_limit": _signed(registers[5052]) / 100,
        "charge_mosfet": bool(status_1 & 0x2),
        "discharge_mosfet": bool(status_1 & 0x4),
        "heater": bool(status_2 & 0x2000),
        "fully_charged": bool(status_2 & 0x0800),
        "alarms": alarms_text(
            name for bit, name in _WARNINGS.items() if status_2 & bit
        ),
        "serial_number": _text(registers, 5110, 8),
    }


def alarms_text(names: Iterable[str]) -> str:
    """Return a set of alarms as one value."""
    return " ".join(sorted(names))


def wrong_values(published: Values, truth: Values) -> int:
    """Count the published values that are not true, those of parts that do not exist too."""
    return sum(not _is_true(name, value, truth) for name, value in published.items())


def numbered(name: str, values: Iterable[float | None]) -> Iterator[tuple[str, Value]]:
    """Yield a list's values under one name each, from 1 on, without the unknown ones."""
    for number, value in enumerate(values, 1):
        if value is not None:
            yield f"{name}_{number}", value


def _is_true(name: str, value: Value, truth: Values) -> bool:
    true = truth.get(name)
    if true is None:
        return False
    if isinstance(value, str) or isinstance(true, str):
        return value == true
    return abs(value - true) <= _TOLERANCES.get(name, _ROUNDING)


def _series(
    name: str, registers: Mapping[int, int], address: int, count: int
) -> Iterator[tuple[str, Value]]:
    return numbered(
        name, (_signed(registers[address + index]) / 10 for index in range(count))
    )


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _long(registers: Mapping[int, int], address: int) -> int:
    return registers[address] << 16 | registers[address + 1]


def _text(registers: Mapping[int, int], address: int, words: int) -> str:
    data = b"".join(
        registers[address + index].to_bytes(2, "big") for index in range(words)
    )
    return data.decode("ascii", errors="replace").strip("\0 ")
