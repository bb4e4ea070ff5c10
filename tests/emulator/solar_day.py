# SPDX-License-Identifier: Apache-2.0
"""A day of sun and loads, as a pure function of time, laid over a battery's registers.

What moves agrees with itself: remaining capacity is the integral of the current over
the told day, cell voltages follow state of charge and current, the module voltage is
their sum, temperatures follow the hour and the current's heat, and the status words
say what the current does (protocol 1.5).
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
import math

from .world import SolarDay, Unit

CELL_COUNT = 5000
CELL_VOLTAGES = 5001
SENSOR_COUNT = 5017
CELL_TEMPERATURES = 5018
BOARD_TEMPERATURE = 5035
ENVIRONMENT_COUNT = 5036
ENVIRONMENT_TEMPERATURES = 5037
CURRENT = 5042
MODULE_VOLTAGE = 5043
REMAINING_CAPACITY = 5044
TOTAL_CAPACITY = 5046
STATUS_2 = 5107

_EFFECTIVE_CHARGE = 1 << 15
_EFFECTIVE_DISCHARGE = 1 << 14
_FULLY_CHARGED = 1 << 11

_STEPS = 1440
_PEAK_CHARGE_RATE = 0.155
_LOAD_BY_HOUR = (
    (0, 0.35), (6, 0.40), (7, 1.10), (9, 0.80), (12, 0.90), (17, 1.00),
    (18, 1.90), (22, 1.60), (23, 0.60), (24, 0.35),
)  # fmt: skip
_OPEN_CIRCUIT_VOLTAGE = (
    (0.00, 2.80), (0.05, 3.10), (0.10, 3.18), (0.20, 3.23), (0.40, 3.27),
    (0.60, 3.30), (0.80, 3.33), (0.95, 3.36), (0.99, 3.42), (1.00, 3.50),
)  # fmt: skip
CELL_RESISTANCE = 0.0015
_AMBIENT_MEAN = 18.0
_AMBIENT_SWING = 7.0
_CELL_SPREAD = 0.004


def _interpolate(table: tuple[tuple[float, float], ...], x: float) -> float:
    index = bisect_right(table, x, key=lambda point: point[0])
    if index == 0:
        return table[0][1]
    if index == len(table):
        return table[-1][1]
    (x0, y0), (x1, y1) = table[index - 1], table[index]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _sun(hour: float) -> float:
    return math.pow(max(0.0, math.sin(math.pi * (hour - 6) / 12)), 1.5)


@cache
def _day_of_rates() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the current per capacity (1/h, + charging) at each step and its integral.

    The load is scaled so that a day ends where it began.
    """
    hours = [step * 24 / _STEPS for step in range(_STEPS)]
    sun = [_sun(hour) for hour in hours]
    load = [_interpolate(_LOAD_BY_HOUR, hour) for hour in hours]
    scale = sum(sun) / sum(load)
    rates = [
        _PEAK_CHARGE_RATE * (s - scale * used)
        for s, used in zip(sun, load, strict=True)
    ]
    integral = [0.0]
    for rate in rates:
        integral.append(integral[-1] + rate * 24 / _STEPS)
    return tuple(rates), tuple(integral)


def charge_rate(hour: float) -> float:
    """Return the current per capacity (1/h, + charging) at an hour of the day."""
    rates, _ = _day_of_rates()
    return rates[int(hour % 24 * _STEPS / 24)]


def charge_since_midnight(hour: float) -> float:
    """Return the state of charge gained since midnight (a share of capacity)."""
    rates, integral = _day_of_rates()
    position = hour % 24 * _STEPS / 24
    step = int(position)
    return integral[step] + rates[step] * (position - step) * 24 / _STEPS


def hour_of(moment: datetime) -> float:
    """Return the hour of the day, with its fraction."""
    return moment.hour + moment.minute / 60 + moment.second / 3600


def age_at(day: SolarDay, hour: float) -> float:
    """Return how old a world is, in seconds, when its day first comes to an hour."""
    return (hour - day.start_hour) % 24 * day.seconds / 24


@dataclass(frozen=True, slots=True)
class BatteryMoment:
    """A battery at one moment: SI units, state of charge as a share, + is charging."""

    state_of_charge: float
    current: float
    cell_voltages: tuple[float, ...]
    cell_temperatures: tuple[float, ...]
    board_temperature: float
    environment_temperature: float


def _long(registers: Mapping[int, int], address: int) -> int:
    return registers.get(address, 0) << 16 | registers.get(address + 1, 0)


def _variation(unit_id: int, index: int) -> float:
    """Return a number from -1 to 1 that is always the same for a place in a pack."""
    return math.sin(12.9898 * (unit_id + 1) + 78.233 * (index + 1))


def battery_moment(
    day: SolarDay, unit: Unit, elapsed: float, part: float = 1.0
) -> BatteryMoment:
    """Return a battery `elapsed` seconds after the world began.

    It begins with the state of charge that its registers say. At an end of its range
    the current is 0 and the charge stands still. `part` is what it carries of its fair share, and has
    carried since the world began.
    """
    registers = unit.registers
    hour = day.start_hour + elapsed * 24 / day.seconds
    total = _long(registers, TOTAL_CAPACITY) / 1000
    initial = _long(registers, REMAINING_CAPACITY) / 1000 / total if total else 0.0
    share = part * (1 + 0.02 * _variation(unit.unit_id, 0))
    charge = initial + share * (
        charge_since_midnight(hour) - charge_since_midnight(day.start_hour)
    )
    current = share * charge_rate(hour) * total
    if not 0.0 < charge < 1.0:
        charge, current = min(max(charge, 0.0), 1.0), 0.0
    return BatteryMoment(
        state_of_charge=charge,
        current=current,
        cell_voltages=_cell_voltages(unit, charge, current),
        cell_temperatures=_cell_temperatures(unit, hour, current),
        board_temperature=_ambient(hour) + 3.0 + 0.02 * current**2,
        environment_temperature=_ambient(hour),
    )


def _ambient(hour: float) -> float:
    return _AMBIENT_MEAN + _AMBIENT_SWING * math.sin(math.pi * (hour - 9) / 12)


def _cell_voltages(unit: Unit, charge: float, current: float) -> tuple[float, ...]:
    base = _interpolate(_OPEN_CIRCUIT_VOLTAGE, charge) + current * CELL_RESISTANCE
    return tuple(
        base + _CELL_SPREAD * _variation(unit.unit_id, cell)
        for cell in range(min(unit.registers.get(CELL_COUNT, 0), 16))
    )


def _cell_temperatures(unit: Unit, hour: float, current: float) -> tuple[float, ...]:
    base = _ambient(hour - 2) + 2.0 + 0.012 * current**2
    return tuple(
        base + 0.8 * _variation(unit.unit_id, sensor + 16)
        for sensor in range(min(unit.registers.get(SENSOR_COUNT, 0), 16))
    )


def moving_registers(
    day: SolarDay, unit: Unit, elapsed: float, part: float = 1.0
) -> dict[int, int]:
    """Return the words that a moment of the day changes, by register address."""
    moment = battery_moment(day, unit, elapsed, part)
    total = _long(unit.registers, TOTAL_CAPACITY)
    remaining = round(moment.state_of_charge * total)
    words = {
        CURRENT: round(moment.current * 100) & 0xFFFF,
        MODULE_VOLTAGE: int(sum(moment.cell_voltages) * 10),
        REMAINING_CAPACITY: remaining >> 16,
        REMAINING_CAPACITY + 1: remaining & 0xFFFF,
        BOARD_TEMPERATURE: round(moment.board_temperature * 10) & 0xFFFF,
        STATUS_2: _status(unit.registers.get(STATUS_2, 0), moment),
    }
    for index, volts in enumerate(moment.cell_voltages):
        words[CELL_VOLTAGES + index] = int(volts * 10)
    for index, celsius in enumerate(moment.cell_temperatures):
        words[CELL_TEMPERATURES + index] = round(celsius * 10) & 0xFFFF
    for index in range(min(unit.registers.get(ENVIRONMENT_COUNT, 0), 2)):
        words[ENVIRONMENT_TEMPERATURES + index] = (
            round(moment.environment_temperature * 10) & 0xFFFF
        )
    return words


def _status(word: int, moment: BatteryMoment) -> int:
    word &= ~(_EFFECTIVE_CHARGE | _EFFECTIVE_DISCHARGE | _FULLY_CHARGED)
    if moment.current > 0:
        word |= _EFFECTIVE_CHARGE
    elif moment.current < 0:
        word |= _EFFECTIVE_DISCHARGE
    if moment.state_of_charge >= 1.0:
        word |= _FULLY_CHARGED
    return word
