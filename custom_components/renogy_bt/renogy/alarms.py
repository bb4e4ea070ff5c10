# SPDX-License-Identifier: Apache-2.0
"""The status and alarm words 5100-5109 (protocol 1.5).

Alarm fields of cells and sensors that the battery does not have are ignored. An alarm field
of a cell's voltage or temperature is *contradicted*, and then only diagnostic, when the value
measured in the same poll lies well on the healthy side of the limit that the alarm says was
passed: for a "below" alarm at least the margin above the low warning limit, for an "above"
alarm at least the margin below the high one. The limits are the battery's own where its
configuration could be read. "Other" alarms (11), the remaining quantities and the words
5106-5108 are never contradicted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .families import Family
from .models import Alarm, BatteryConfiguration, BatteryStatus
from .registers import (
    ABOVE_LIMIT,
    ALARM_BITS,
    ALARM_FIELDS,
    ALARM_SOURCES,
    BELOW_LIMIT,
    CELL_ERROR,
    FIELD_STATES,
    FLAG_BITS,
    REQUESTS,
    STATUS_1,
    STATUS_2,
    AlarmFields,
)

_ALWAYS_TRUSTED: Final = frozenset({STATUS_1, STATUS_2})

type Parts = Mapping[str, tuple[float | None, ...] | None]
"""The values of the cells and sensors of a battery, by the quantity of their alarm fields.

None where the battery does not tell how many there are, or a value that can be believed.
"""


@dataclass(frozen=True, slots=True)
class _Band:
    """The warning limits of a quantity and how far inside them an alarm is impossible."""

    low: float
    high: float
    margin: float

    def contradicts(self, state: int, measured: float) -> bool:
        if state == BELOW_LIMIT:
            return measured >= round(self.low + self.margin, 3)
        return state == ABOVE_LIMIT and measured <= round(self.high - self.margin, 3)


# A battery has at most two sensors of its environment and of its heater.
_UNKNOWN_SENSORS: Final = (None, None)

# Usual warning limits of these batteries (protocol 1.5, example dump).
_CELL_BAND: Final = _Band(3.0, 3.5, 0.2)
_TEMPERATURE_BAND: Final = _Band(5.0, 50.0, 5.0)


def decode_status(
    words: Mapping[int, int],
    family: Family,
    parts: Parts,
    configuration: BatteryConfiguration | None = None,
) -> BatteryStatus:
    """Return flags and alarms; a flag whose word was not read is None."""
    trusted = {
        address: word
        for address, word in words.items()
        if family.trusts_alarm_fields or address in _ALWAYS_TRUSTED
    }
    alarms: list[Alarm] = []
    contradicted: list[Alarm] = []
    bands = _bands(configuration or BatteryConfiguration())
    for fields in ALARM_FIELDS:
        word = trusted.get(fields.address, 0) << 16 | trusted.get(fields.address + 1, 0)
        values = _values(fields, parts)
        believed, doubted = _states(fields, word, values, bands.get(fields.quantity))
        alarms += _field_alarms(fields, believed)
        contradicted += _field_alarms(fields, doubted)
    alarms += _bit_alarms(trusted, len(parts["cell_voltage"] or ()))
    return BatteryStatus(
        **_flags(trusted),
        alarm_words=_alarm_words(trusted),
        alarms=tuple(alarms),
        contradicted_alarms=tuple(contradicted),
    )


def _flags(words: Mapping[int, int]) -> dict[str, bool]:
    """Return the flags; a word without any request comes from a battery that makes none."""
    if not words.get(REQUESTS):
        words = {
            address: word for address, word in words.items() if address != REQUESTS
        }
    return {
        flag.name: bool(words[flag.address] >> flag.bit & 1)
        for flag in FLAG_BITS
        if flag.address in words
    }


def _alarm_words(words: Mapping[int, int]) -> tuple[int, ...]:
    """Return the addresses of the words that alarms were looked for in."""
    return tuple(
        sorted(words.keys() & {source.address for source in ALARM_SOURCES.values()})
    )


def _bands(configuration: BatteryConfiguration) -> dict[str, _Band]:
    cell = _Band(
        configuration.cell_low_voltage or _CELL_BAND.low,
        configuration.cell_high_voltage or _CELL_BAND.high,
        _CELL_BAND.margin,
    )
    return {
        "cell_voltage": cell,
        "cell_temperature": _temperature_band(configuration),
    }


def _temperature_band(configuration: BatteryConfiguration) -> _Band:
    """Return the band outside of which charging or discharging may be warned about."""
    lows = (
        configuration.charge_low_temperature,
        configuration.discharge_low_temperature,
    )
    highs = (
        configuration.charge_high_temperature,
        configuration.discharge_high_temperature,
    )
    return _Band(
        max((low for low in lows if low is not None), default=_TEMPERATURE_BAND.low),
        min((high for high in highs if high), default=_TEMPERATURE_BAND.high),
        _TEMPERATURE_BAND.margin,
    )


def _values(fields: AlarmFields, parts: Parts) -> Sequence[float | None]:
    """Return the values that an alarm field is about, one per part that may exist."""
    if not fields.has_parts:
        return (None,)
    values = parts[fields.quantity]
    if values is not None:
        return values
    if fields.quantity == "cell_temperature":
        # A cell has at most one sensor.
        return (None,) * len(parts["cell_voltage"] or ())
    return _UNKNOWN_SENSORS


type _States = dict[int, list[int]]
"""The numbers of the parts that are in each state that is not normal."""


def _states(
    fields: AlarmFields, word: int, values: Sequence[float | None], band: _Band | None
) -> tuple[_States, _States]:
    """Return the states that are believed, and those that the measured values contradict."""
    believed: _States = {}
    doubted: _States = {}
    for index, value in enumerate(values if word else ()):
        state = word >> fields.low_bit + index * fields.step & 0b11
        if state:
            is_doubted = band and value is not None and band.contradicts(state, value)
            states = doubted if is_doubted else believed
            states.setdefault(state, []).append(index + 1)
    return believed, doubted


def _field_alarms(fields: AlarmFields, states: _States) -> Iterator[Alarm]:
    for state, parts in sorted(states.items()):
        key = f"{fields.quantity}_{FIELD_STATES[state]}"
        yield _alarm(key, parts if fields.has_parts else ())


def _bit_alarms(words: Mapping[int, int], cells: int) -> Iterator[Alarm]:
    """Yield the alarms of the words that have one bit per cell, or per alarm."""
    errors = words.get(ALARM_SOURCES[CELL_ERROR].address, 0)
    if failed := [cell for cell in range(1, cells + 1) if errors >> cell - 1 & 1]:
        yield _alarm(CELL_ERROR, failed)
    for bit in ALARM_BITS:
        if words.get(bit.address, 0) >> bit.bit & 1:
            yield _alarm(bit.key)


def _alarm(key: str, parts: Sequence[int] = ()) -> Alarm:
    return Alarm(key=key, severity=ALARM_SOURCES[key].severity, parts=tuple(parts))
