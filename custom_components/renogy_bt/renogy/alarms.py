"""The status and alarm words 5100-5109 (protocol 1.5).

Alarm fields of cells and sensors that the battery does not have are ignored. An alarm field
of a cell's voltage or temperature is *contradicted*, and then only diagnostic, when the value
measured in the same poll lies well on the healthy side of the limit that the alarm says was
passed: for a "below" alarm at least the margin above the low warning limit, for an "above"
alarm at least the margin below the high one. The limits are the battery's own where its
configuration could be read. "Other" alarms (11), the remaining quantities and the words
5106-5108 are never contradicted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .families import Family
from .image import RegisterImage
from .measurements import Measurements
from .models import Alarm, BatteryConfiguration, BatteryStatus
from .registers import (
    ABOVE_LIMIT,
    ALARM_BITS,
    ALARM_FIELDS,
    ALARM_SOURCES,
    BELOW_LIMIT,
    CELL_ERROR_BITS,
    FIELD_STATES,
    FLAG_BITS,
    STATUS_1,
    STATUS_2,
    AlarmFields,
)

_ALWAYS_TRUSTED: Final = frozenset({STATUS_1, STATUS_2})


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


# Usual warning limits of these packs (protocol 1.5, example dump).
_CELL_BAND: Final = _Band(3.0, 3.5, 0.2)
_TEMPERATURE_BAND: Final = _Band(5.0, 50.0, 5.0)


def decode_status(
    image: RegisterImage,
    family: Family,
    measured: Measurements,
    configuration: BatteryConfiguration | None = None,
) -> BatteryStatus:
    """Return flags and alarms; a flag whose word was not read, or is not trusted, is None."""
    alarms: list[Alarm] = []
    contradicted: list[Alarm] = []
    if family.trusts_alarm_fields:
        bands = _bands(configuration or BatteryConfiguration())
        for fields in ALARM_FIELDS:
            believed, doubted = _field_alarms(image, fields, measured, bands)
            alarms += believed
            contradicted += doubted
        alarms += _cell_errors(image, measured)
    alarms += _bit_alarms(image)
    return BatteryStatus(
        **_flags(image, family),
        alarm_words=_alarm_words(image, family),
        alarms=tuple(alarms),
        contradicted_alarms=tuple(contradicted),
    )


def _alarm_words(image: RegisterImage, family: Family) -> tuple[int, ...]:
    """Return the addresses of the alarm words that were read and are trusted."""
    addresses = {source.address for source in ALARM_SOURCES.values()}
    return tuple(
        address
        for address in sorted(addresses)
        if _is_trusted(address, family) and image.word(address) is not None
    )


def _is_trusted(address: int, family: Family) -> bool:
    return family.trusts_alarm_fields or address in _ALWAYS_TRUSTED


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


def _measured_parts(measured: Measurements, quantity: str) -> tuple[float | None, ...]:
    """Return the values that an alarm field is about, one per part that exists."""
    match quantity:
        case "cell_voltage":
            return measured.cell_voltages
        case "cell_temperature":
            return measured.cell_temperatures
        case "environment_temperature":
            return _sensors(
                measured.environment_count, measured.environment_temperatures
            )
        case "heater_temperature":
            return _sensors(measured.heater_count, measured.heater_temperatures)
        case _:
            return (None,)


def _sensors(count: int | None, values: tuple[float, ...]) -> tuple[float | None, ...]:
    """Return the sensors that exist; both when the battery does not tell."""
    return (None, None) if count is None else values


def _field_alarms(
    image: RegisterImage,
    fields: AlarmFields,
    measured: Measurements,
    bands: dict[str, _Band],
) -> tuple[list[Alarm], list[Alarm]]:
    """Return the trusted and the contradicted alarms of one quantity."""
    word = image.double_word(fields.address)
    believed: dict[int, list[int]] = {}
    doubted: dict[int, list[int]] = {}
    band = bands.get(fields.quantity)
    values = _measured_parts(measured, fields.quantity)
    for index, value in enumerate(values if word else ()):
        state = (word or 0) >> fields.low_bit + index * fields.step & 0b11
        if state:
            contradicted = (
                band is not None
                and value is not None
                and band.contradicts(state, value)
            )
            (doubted if contradicted else believed).setdefault(state, []).append(
                index + 1
            )
    return list(_alarms(fields, believed)), list(_alarms(fields, doubted))


def _alarms(fields: AlarmFields, by_state: dict[int, list[int]]) -> Iterator[Alarm]:
    for state, parts in sorted(by_state.items()):
        key = f"{fields.quantity}_{FIELD_STATES[state]}"
        yield Alarm(
            key=key,
            severity=ALARM_SOURCES[key].severity,
            parts=tuple(parts) if fields.parts else (),
        )


def _cell_errors(image: RegisterImage, measured: Measurements) -> Iterator[Alarm]:
    word = image.word(CELL_ERROR_BITS.address) or 0
    cells = tuple(
        cell for cell, _ in enumerate(measured.cell_voltages, 1) if word >> cell - 1 & 1
    )
    if cells:
        yield Alarm(
            key=CELL_ERROR_BITS.key, severity=CELL_ERROR_BITS.severity, parts=cells
        )


def _bit_alarms(image: RegisterImage) -> Iterator[Alarm]:
    for bit in ALARM_BITS:
        if (image.word(bit.address) or 0) >> bit.bit & 1:
            yield Alarm(key=bit.key, severity=bit.severity)


def _flags(image: RegisterImage, family: Family) -> dict[str, bool]:
    flags: dict[str, bool] = {}
    for flag in FLAG_BITS:
        word = image.word(flag.address)
        if word is not None and _is_trusted(flag.address, family):
            is_set = bool(word >> flag.bit & 1)
            flags[flag.name] = flags.get(flag.name, False) or is_set
    return flags
