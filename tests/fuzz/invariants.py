# SPDX-License-Identifier: Apache-2.0
"""What is true of everything that the library gives out, whatever came in."""

import math

from custom_components.renogy_bt.renogy.models import BatteryReading, ProbeReport

type _Range = tuple[float, float]

# From the plausibility rules (protocol 1.9), told a second time.
_SINGLE_RANGES: dict[str, _Range] = {
    "voltage": (1, 80),
    "total_capacity": (1, 2000),
    "remaining_capacity": (0, 2500),
    "state_of_charge": (0, 100),
    "stored_energy": (0, 200_000),
}
_OPTIONAL_RANGES: dict[str, _Range] = {
    "current": (-600, 600),
    "power": (-48_000, 48_000),
    "board_temperature": (-60, 150),
    "cycles": (0, 20_000),
    "charge_voltage_limit": (0, 100),
    "discharge_voltage_limit": (0, 100),
}
_LIST_RANGES: dict[str, tuple[_Range, _Range]] = {
    "cell_voltages": ((1, 16), (0, 5)),
    "cell_temperatures": ((0, 16), (-60, 150)),
    "environment_temperatures": ((0, 2), (-60, 150)),
    "heater_temperatures": ((0, 2), (-60, 150)),
}


def check_reading(reading: BatteryReading) -> None:
    """Fail when a reading says what cannot be true."""
    for name, limits in _SINGLE_RANGES.items():
        _check(name, getattr(reading, name), limits)
    for name, limits in _OPTIONAL_RANGES.items():
        if (value := getattr(reading, name)) is not None:
            _check(name, value, limits)
    for name, (lengths, limits) in _LIST_RANGES.items():
        values = getattr(reading, name)
        _check(f"number of {name}", len(values), lengths)
        for value in values:
            if value is not None:
                _check(name, value, limits)
    for alarm in (*reading.status.alarms, *reading.status.contradicted_alarms):
        for part in alarm.parts:
            _check(alarm.key, part, (1, 16))


def check_probe(report: ProbeReport) -> None:
    """Fail when a probe found what cannot be."""
    if not report.batteries:
        raise AssertionError("A probe that found nothing did not say so")
    for battery in report.batteries:
        _check("unit", battery.unit, (1, 255))
        _check("cells", battery.cells, (1, 16))
        text = battery.model
        if text is not None and not (text and text.isprintable()):
            raise AssertionError(f"Not a text: {text!r}")


def _check(name: str, value: float, limits: _Range) -> None:
    lowest, highest = limits
    if not (math.isfinite(value) and lowest <= value <= highest):
        raise AssertionError(f"{name}: {value}")
