# SPDX-License-Identifier: Apache-2.0
"""The register map against the makers' document, which the tests have written down themselves.

Each word is set in an otherwise healthy pack, and what the reading says is compared with what
the document says of that word.
"""

from dataclasses import fields, replace

import pytest

from custom_components.renogy_bt.renogy.decoder import (
    decode_configuration,
    decode_identity,
)
from custom_components.renogy_bt.renogy.models import (
    Alarm,
    AlarmSeverity,
    BatteryConfiguration,
    BatteryReading,
    BatteryStatus,
)
from custom_components.renogy_bt.renogy.registers import ALARM_SOURCES, REGISTERS
from tests.renogy.images import decoded, image_from, owners_pack
from tests.renogy.makers_document import (
    ALARMS,
    CELL_TEMPERATURE_FIELDS,
    CELL_VOLTAGE_FIELDS,
    FIELD_STATES,
    FLAGS,
    MEASUREMENTS,
    OTHER_FIELDS,
    OTHERS,
    PROTECTIONS,
    ROWS,
    SILENT_BITS,
    STATUS_1,
    STATUS_2,
    STATUS_3,
    TEXTS,
    THRESHOLDS,
    WARNINGS,
    Number,
    Row,
    Text,
)

HEALTHY = decoded(owners_pack())
# Counts that no register of the healthy pack has, as the words that say them.
COUNTS = {
    "board_temperature": ((201, [201]), (-57, [0xFFC7])),
    "current": ((3_201, [3_201]), (-3_201, [0xF37F]), (32_767, [0x7FFF])),
    "voltage": ((521, [521]),),
    "remaining_capacity": ((37_501, [0, 37_501]), (60_001, [0, 60_001])),
    "total_capacity": ((50_123, [0, 50_123]), (148_123, [2, 17_051])),
    "cycles": ((1_234, [1_234]),),
    "charge_voltage_limit": ((571, [571]),),
    "discharge_voltage_limit": ((401, [401]),),
    "charge_current_limit": ((4_321, [4_321]),),
    "discharge_current_limit": ((-4_321, [0xEF1F]), (4_321, [4_321])),
}


def _changed(number: Number, count: int, base: BatteryReading) -> BatteryReading:
    changes: dict[str, float] = {number.shown_as: count / number.counts_per_unit}
    if number.shown_as == "current":
        changes["current_count"] = count
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", MEASUREMENTS, ids=lambda each: each.shown_as)
def test_each_measurement_is_what_its_register_says(number: Number) -> None:
    """A word changes its own value, by the document's width, sign and scale, and no other."""
    for count, words in COUNTS[number.shown_as]:
        assert len(words) == number.words
        assert number.signed or count >= 0
        reading = decoded(owners_pack({number.address: words}))
        assert reading == _changed(number, count, HEALTHY)


def test_every_measured_value_is_in_the_document() -> None:
    """A reading has nothing that is measured and not looked at here."""
    derived = {
        "read_at",
        "rest_read_at",
        "status",
        "doubted",
        "cell_resolution",
        "current_count",
    }
    documented = {each.shown_as for each in (*MEASUREMENTS, *ROWS)}
    assert {field.name for field in fields(BatteryReading)} - derived == documented
    assert {field.name for field in fields(BatteryConfiguration)} == {
        each.shown_as for each in THRESHOLDS
    }


def test_the_map_is_as_wide_as_the_document() -> None:
    """Every register is in the map with its first and last word, and no other is."""
    numbers = [*MEASUREMENTS, *THRESHOLDS]
    assert {
        name: (row.address, row.address + row.span - 1)
        for name, row in REGISTERS.items()
    } == {
        **{
            each.shown_as: (each.address, each.address + each.words - 1)
            for each in numbers
        },
        **{
            each.shown_as: (each.address, each.address + each.words - 1)
            for each in TEXTS
        },
        **{
            each.shown_as: (each.address, each.address + each.longest - 1)
            for each in ROWS
        },
        "cell_count": (5000, 5000),
        "cell_temperature_count": (5017, 5017),
        "environment_count": (5036, 5036),
        "heater_count": (5039, 5039),
    }


def _counts(row: Row, number: int) -> list[int]:
    """Return counts of a row that differ from part to part, signed where they may be."""
    if row.unit == "V":
        return [31 + part % 5 for part in range(number)]
    return [-70 + 11 * part for part in range(number)]


@pytest.mark.parametrize("row", ROWS, ids=lambda each: each.shown_as)
def test_each_row_is_as_long_as_it_is_counted(row: Row) -> None:
    """Part n stands n - 1 words after the first; what is not counted does not show."""
    for number in range(1, row.longest + 1):
        counts = _counts(row, row.longest)
        changes = {row.counted_at: [number], row.address: counts}
        if row.unit == "V":
            # The module has what the cells have together.
            changes[5043] = [sum(counts[:number]) + number // 2]
        reading = decoded(owners_pack({**changes, 5102: [0, 0]}))
        told = tuple(count / row.counts_per_unit for count in counts[:number])
        assert getattr(reading, row.shown_as) == told
        assert row.signed is any(value < 0 for value in told[:1])


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda each: each.shown_as)
def test_a_row_of_sensors_changes_nothing_else(row: Row) -> None:
    """The sensors of one place are not those of another."""
    reading = decoded(owners_pack({row.counted_at: [1, 333]}))
    expected: dict[str, tuple[float, ...]] = {row.shown_as: (33.3,)}
    assert reading == replace(HEALTHY, **expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", TEXTS, ids=lambda each: each.shown_as)
def test_each_text_stands_in_its_words(text: Text) -> None:
    """A text begins and ends where the document says, between others of full length."""
    letters = "".join(chr(ord("A") + number % 26) for number in range(64))
    words = [
        ord(a) << 8 | ord(b) for a, b in zip(letters[::2], letters[1::2], strict=True)
    ]
    identity = decode_identity(image_from({5110: words}, [(5110, 32)]))
    first = 2 * (text.address - 5110)
    assert getattr(identity, text.shown_as) == letters[first : first + 2 * text.words]


# Words of the configuration in their order; each differs from every other.
CONFIGURATION = {
    5200: [38, 36, 29, 24],
    5204: [560, 510, -20 % 0x10000, -70 % 0x10000],
    5208: [12_000, 10_000, 6_000, 148, 142, 120, 100],
    5215: [610, 520, -110 % 0x10000, -250 % 0x10000],
    5219: [50_536, 52_536, 54_536, 0, 48],
}
# Of the same words, by the document.
CONFIGURED = {
    "cell_over_voltage": 3.8,
    "cell_high_voltage": 3.6,
    "cell_low_voltage": 2.9,
    "cell_under_voltage": 2.4,
    "charge_over_temperature": 56.0,
    "charge_high_temperature": 51.0,
    "charge_low_temperature": -2.0,
    "charge_under_temperature": -7.0,
    "module_over_voltage": 14.8,
    "module_under_voltage": 10.0,
    "discharge_over_temperature": 61.0,
    "discharge_high_temperature": 52.0,
    "discharge_low_temperature": -11.0,
    "discharge_under_temperature": -25.0,
}


def test_each_threshold_has_its_scale_and_sign() -> None:
    """The limits of a battery are what its configuration says, in the units of the document."""
    configuration = decode_configuration(image_from(CONFIGURATION, [(5200, 24)]))
    assert configuration == BatteryConfiguration(**CONFIGURED)


@pytest.mark.parametrize("number", THRESHOLDS, ids=lambda each: each.shown_as)
def test_each_threshold_is_what_its_register_says(number: Number) -> None:
    """A word changes its own limit and no other."""
    count = {"V": round(10 * CONFIGURED[number.shown_as]), "degC": 433}[number.unit]
    words = {
        start + index: word
        for start, row in CONFIGURATION.items()
        for index, word in enumerate(row)
    }
    words[number.address] = count
    image = image_from(
        {address: [word] for address, word in words.items()}, [(5200, 24)]
    )
    changes = {number.shown_as: count / number.counts_per_unit}
    assert decode_configuration(image) == BatteryConfiguration(
        **{**CONFIGURED, **changes}
    )


@pytest.mark.parametrize("number", THRESHOLDS, ids=lambda each: each.shown_as)
def test_only_signed_thresholds_can_be_negative(number: Number) -> None:
    """0xFFD8 is -4.0 degC where the document has a sign, and no limit where it has none."""
    if number.unit == "V":
        return
    words = {**CONFIGURATION, number.address: [0xFFD8]}
    configuration = decode_configuration(image_from(words, [(5200, 24)]))
    told = getattr(configuration, number.shown_as)
    assert told == (-4.0 if number.signed else None)


def _status(changes: dict[int, list[int]]) -> BatteryStatus:
    quiet = {5100: [0] * 10}
    return decoded(owners_pack({**quiet, **changes})).status


def _alarms(word: int, bit: int) -> list[tuple[str, AlarmSeverity, tuple[int, ...]]]:
    status = _status({word: [1 << bit]})
    assert status.contradicted_alarms == ()
    return [(alarm.key, alarm.severity, alarm.parts) for alarm in status.alarms]


@pytest.mark.parametrize(("bit", "key"), PROTECTIONS.items())
def test_each_protection_is_told_by_its_bit(bit: int, key: str) -> None:
    """A bit of status 1 is one protection that acted."""
    assert _alarms(STATUS_1, bit) == [(key, AlarmSeverity.PROTECTION, ())]


@pytest.mark.parametrize(("bit", "key"), WARNINGS.items())
def test_each_warning_is_told_by_its_bit(bit: int, key: str) -> None:
    """A bit of the low byte of status 2 is one warning."""
    assert _alarms(STATUS_2, bit) == [(key, AlarmSeverity.WARNING, ())]


@pytest.mark.parametrize(
    ("word", "bit"),
    [
        *FLAGS.values(),
        *((word, bit) for word, bits in SILENT_BITS.items() for bit in bits),
    ],
)
def test_no_other_bit_is_an_alarm(word: int, bit: int) -> None:
    """Switches, currents that flow and reserves raise nothing."""
    assert _alarms(word, bit) == []


def test_every_bit_of_both_words_is_accounted_for() -> None:
    """No bit of the two words is left out of these tests."""
    for word, alarms in ((STATUS_1, PROTECTIONS), (STATUS_2, WARNINGS)):
        flags = {bit for address, bit in FLAGS.values() if address == word}
        assert sorted([*alarms, *flags, *SILENT_BITS[word]]) == list(range(16))


@pytest.mark.parametrize("name", FLAGS)
def test_each_switch_follows_its_own_bit(name: str) -> None:
    """With one bit set one switch is on; with all but that bit it is the only one off."""
    word, bit = FLAGS[name]
    others = [each for each in FLAGS if each != name]
    status = _status({word: [1 << bit]})
    assert [getattr(status, each) for each in (name, *others)] == [
        True,
        False,
        False,
        False,
    ]
    for address in (STATUS_1, STATUS_2):
        for each in (name, *others):
            assert getattr(_status({address: [0]}), each) is False
    every = {
        address: [sum(1 << low for at, low in FLAGS.values() if at == address)]
        for address in (STATUS_1, STATUS_2)
    }
    every[word] = [every[word][0] & ~(1 << bit)]
    status = _status(every)
    assert [getattr(status, each) for each in (name, *others)] == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(("charging", "discharging"), [(True, False), (False, True)])
def test_one_mosfet_alone(charging: bool, discharging: bool) -> None:
    """A battery that takes no charge, and one that gives none, are told apart.

    Full: 0x000C, the charge MOSFET (bit 1) is off. Empty: 0x000A, the discharge MOSFET (bit 2) is.
    """
    word = 0x000A if charging else 0x000C
    status = _status({5106: [word]})
    assert (status.charge_mosfet, status.discharge_mosfet) == (charging, discharging)
    assert status.problem is False


def test_every_alarm_is_known_by_its_word_and_severity() -> None:
    """What tells raised alarms from those that were not read has the document's 43."""
    told = {
        key: (source.address, source.severity.value)
        for key, source in ALARM_SOURCES.items()
    }
    assert told == ALARMS
    assert len(ALARMS) == 7 * 3 + 13 + 8 + 1


def _double(value: int) -> list[int]:
    return [value >> 16, value & 0xFFFF]


# Values at which no alarm of either direction is contradicted, by the state of the field.
EXTREMES = {
    "cell_voltage": {1: 24, 2: 37, 3: 33},
    "cell_temperature": {1: -100, 2: 600, 3: 200},
}


@pytest.mark.parametrize("state", FIELD_STATES)
@pytest.mark.parametrize("cell", range(1, 17))
@pytest.mark.parametrize(
    ("address", "quantity", "values"),
    [
        (CELL_VOLTAGE_FIELDS, "cell_voltage", 5001),
        (CELL_TEMPERATURE_FIELDS, "cell_temperature", 5018),
    ],
)
def test_each_cell_has_two_bits(
    address: int, quantity: str, values: int, cell: int, state: int
) -> None:
    """Cell n stands at the bits 2n-1 and 2n-2 of the 32, in both words."""
    odd = EXTREMES[quantity][state]
    changes = {
        5000: [16, *[33] * 16, 16, *[200] * 16],
        values + cell - 1: [odd],
        address: _double(state << 2 * cell - 2),
    }
    changes[5043] = [530 + (odd - 33 if quantity == "cell_voltage" else 0)]
    status = _status(changes)
    assert status.alarms == (
        Alarm(
            key=f"{quantity}_{FIELD_STATES[state]}",
            severity=AlarmSeverity.WARNING,
            parts=(cell,),
        ),
    )
    assert status.contradicted_alarms == ()


@pytest.mark.parametrize("state", FIELD_STATES)
@pytest.mark.parametrize("low_bit", OTHERS)
def test_each_other_field_has_two_bits(low_bit: int, state: int) -> None:
    """Board, environment, heater and currents stand from the highest bits down."""
    quantity, parts = OTHERS[low_bit]
    sensors = {5036: [2, 186, 187, 2, 95, 96]}
    status = _status({**sensors, OTHER_FIELDS: _double(state << low_bit)})
    assert status.alarms == (
        Alarm(
            key=f"{quantity}_{FIELD_STATES[state]}",
            severity=AlarmSeverity.WARNING,
            parts=parts,
        ),
    )


def test_the_rest_of_the_other_fields_is_reserve() -> None:
    """Bits 17 to 0 mean nothing."""
    assert _status({OTHER_FIELDS: [0x0003, 0xFFFF]}).alarms == ()


@pytest.mark.parametrize("cell", range(1, 16))
def test_each_cell_has_one_bit_of_its_measurement(cell: int) -> None:
    """Status 3: cell 1 in bit 0."""
    assert _status({STATUS_3: [1 << cell - 1]}).alarms == (
        Alarm(key="cell_voltage_error", severity=AlarmSeverity.ERROR, parts=(cell,)),
    )


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ((CELL_VOLTAGE_FIELDS, 2), {CELL_VOLTAGE_FIELDS}),
        ((CELL_TEMPERATURE_FIELDS, 2), {CELL_TEMPERATURE_FIELDS}),
        ((OTHER_FIELDS, 2), {OTHER_FIELDS}),
        ((STATUS_1, 1), {STATUS_1}),
        ((STATUS_2, 1), {STATUS_2}),
        ((STATUS_3, 1), {STATUS_3}),
    ],
)
def test_each_alarm_is_known_by_the_word_that_it_stands_in(
    word: tuple[int, int], known: set[int]
) -> None:
    """Where one word was read, the alarms of that word are known and no others."""
    words = owners_pack().words(range(5000, 5110))
    registers = {address: [value] for address, value in words.items()}
    image = image_from(registers, [(5000, 53), word])
    assert set(decoded(image).status.alarm_words) == known
